// Loaded before a program (`node --import`), in each of its threads: adds to the system's clock as many milliseconds as the file
// named by CLOCK_AHEAD_FILE says, from the moment when that is written. What measures time without the clock of the day goes on.
import { readFileSync } from 'node:fs'

const everyMs = 100
const file = process.env.CLOCK_AHEAD_FILE
const System = Date
const systemNow = Date.now
let aheadMs = 0

function look() {
  try {
    aheadMs = Number(readFileSync(file, 'utf8'))
  } catch {
    aheadMs = 0 // nobody has changed it
  }
}
look()
setInterval(look, everyMs).unref()

const now = () => systemNow() + aheadMs
System.now = now
globalThis.Date = new Proxy(System, {
  construct: (_, given, made) => Reflect.construct(System, given.length === 0 ? [now()] : given, made),
  apply: () => new System(now()).toString(),
})
System.prototype.constructor = globalThis.Date
