/** What this process has computed so far, all threads: unlike the clock it stands still while others have the machine. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
