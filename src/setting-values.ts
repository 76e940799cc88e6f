// What the texts of settings mean: each reader gives undefined for a text that is none.

export const oneOf =
  <const T extends string>(allowed: readonly T[]) =>
  (text: string): T | undefined =>
    allowed.find((one) => one === text)

export const hostOf = (text: string) => (/^[A-Za-z0-9.:_-]{1,255}$/.test(text) ? text : undefined)
export const portOf = (text: string) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined)
export const originOf = (text: string) => (/^[^\s+]{1,200}$/.test(text) ? text : undefined)
export const prefixOf = (text: string) => (/^[A-Za-z0-9._-]{1,100}$/.test(text) ? text : undefined)

export function postgresUrlOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, username, password, pathname } = new URL(text)
  if (![username, password, pathname].every(isEscaped)) return undefined
  return ['postgres:', 'postgresql:'].includes(protocol) ? text : undefined
}

function isEscaped(part: string): boolean {
  try {
    return decodeURIComponent(part) !== undefined
  } catch {
    return false
  }
}

export const httpUrlOf = (text: string) => (/^https?:\/\/\S+$/.test(text) && URL.canParse(text) ? text : undefined)

export const wholeFrom = (least: number, most: number) => (text: string) =>
  /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined

/** `URL=vkey` each; the URL has no `=`, since a query makes no sense there. */
export interface WitnessText {
  readonly url: string
  readonly vkey: string
}

export function witnessesOf(text: string): readonly WitnessText[] | undefined {
  const pairs = text.split(',').map((one) => {
    const [, url = '', vkey = ''] = /^(https?:\/\/[^\s=?#]+)=(\S+)$/.exec(one.trim()) ?? []
    return { url, vkey }
  })
  return pairs.every(({ url }) => URL.canParse(url)) ? pairs : undefined
}

export function brokersOf(text: string): readonly string[] | undefined {
  const brokers = text.split(',').map((one) => one.trim())
  const isBroker = (one: string) => /^[^\s:]+:\d{1,5}$/.test(one) && Number(portOf(one.split(':')[1] ?? '')) > 0
  return brokers.every(isBroker) ? brokers : undefined
}

/** How a fault says what a setting is: a URL may hold a password anywhere, a mistyped one above all. */
export function shown(name: string, text: string): string {
  return name === 'DATABASE_URL' || name === 'ALARM_WEBHOOK_URL'
    ? 'it is not, and is not shown since it may hold a password'
    : `it is ${JSON.stringify(text)}`
}
