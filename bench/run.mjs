// `npm run bench [-- WHAT [options]]`: measures this machine. WHAT is exchange (the default), audit, evidence, verify, replay, rebuild, overload or idle; each file says
// what it measures and which options it takes.
const benches = ['exchange', 'audit', 'evidence', 'verify', 'replay', 'rebuild', 'overload', 'idle']
const [first] = process.argv.slice(2)
const what = first === undefined || first.startsWith('--') ? 'exchange' : first
if (!benches.includes(what)) {
  console.error(`there is no bench ${what}; there are: ${benches.join(', ')}`)
  process.exit(2)
}
if (what === first) process.argv.splice(2, 1)
await import(`./${what}.mjs`)
