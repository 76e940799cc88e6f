/**
 * Waits for work that may take longer than a consumer group's session lasts, and for one heartbeat after it.
 *
 * @param heartbeat kafkajs's: it sends none before the answer to its last one is an interval old
 * @param intervalMs kafkajs's `heartbeatInterval`
 * @throws whatever the work or a heartbeat throws; kafkajs has to hear of the latter
 */
export async function whileHeartbeating<T>(work: Promise<T>, heartbeat: () => Promise<void>, intervalMs: number): Promise<T> {
  let beats: NodeJS.Timeout | undefined
  const lost = new Promise<never>((_, reject) => {
    // asked only as often as it sends, it would leave out every second one
    beats = setInterval(() => heartbeat().catch(reject), intervalMs / 3)
  })
  try {
    const value = await Promise.race([work, lost])
    await heartbeat()
    return value
  } finally {
    clearInterval(beats)
  }
}
