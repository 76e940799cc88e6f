import { printable } from '../domain/printable.ts'

/** Several requests are under way at once, and what one of them waits for the others do, too. */
const saidEveryMs = 5000

/** Tells whoever waits why nothing happens: a source is asked again. In place of a progress bar, where there is one. */
export function sayAskedAgain(): (why: string) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  return (why) => {
    if (performance.now() - saidAt < saidEveryMs) return
    saidAt = performance.now()
    process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[K' : ''}lianban: ${printable(why)}\n`)
  }
}
