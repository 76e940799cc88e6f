// Asks for the known faults of the packages that run in production, and fails on any. Where the registry has no service that
// knows (some mirrors answer 405), it says so and ends well: `npm audit` itself can't tell the two apart by its exit code.
import { spawnSync } from 'node:child_process'

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json', ...process.argv.slice(2)], { encoding: 'utf8' })
const report = parsed(stdout)
if (report.auditReportVersion !== undefined) {
  const found = Object.values(report.vulnerabilities)
  for (const { name, severity, via } of found) {
    const advisories = via.map((one) => (typeof one === 'string' ? `by ${one}` : `${one.title}, ${one.range}, ${one.url}`))
    console.log(`${name}: ${severity}: ${advisories.join('; ')}`)
  }
  console.log(`${found.length} packages of production with known faults; docs/security.md says what to do`)
  process.exit(found.length === 0 ? 0 : 1)
}
// a message is that of the request which failed
if (typeof report.message === 'string') console.log(`not audited, the service of advisories can't be reached: ${report.message}`)
else {
  console.log(`npm audit did not work: ${stdout}\n${stderr}`)
  process.exit(1)
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {} // told of above
  }
}
