import type { BusLog } from '../../src/bus/bus-log.ts'

/** Keeps what the bus says, for tests to look at; `BUS_LOG=1` prints it. */
export function keepingLog(): BusLog & {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[]
} {
  const lines: { level: string; message: string; fields: object }[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields })
    if (process.env.BUS_LOG && (level !== 'debug' || process.env.BUS_LOG === 'debug'))
      console.log(new Date().toISOString(), level, message, fields)
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
