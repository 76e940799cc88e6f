import type { Text } from '../domain/text.ts'

/** Clocks differ. */
export const maxAheadSeconds = 60

/**
 * What is wrong with the moment at which a request says that it was signed.
 *
 * @param iat as signed: seconds since 1970, at most {@link maxAheadSeconds} ahead
 * @returns undefined when it is fresh
 */
export function staleness(iat: unknown, now: Date, maxAgeSeconds: number): Text | undefined {
  if (typeof iat !== 'number') return { en: 'iat must be a number of seconds since 1970', zh: 'iat 须为 1970 年以来的秒数' }
  const ageSeconds = now.getTime() / 1000 - iat
  if (ageSeconds < -maxAheadSeconds) return ahead
  if (ageSeconds <= maxAgeSeconds) return undefined
  return {
    en: `iat must lie at most ${maxAgeSeconds} seconds back; sign the request anew`,
    zh: `iat 须在最近 ${maxAgeSeconds} 秒内；请重新签名`,
  }
}

const ahead: Text = {
  en: 'iat lies in the future: check the clock, and that iat is seconds since 1970, not milliseconds',
  zh: 'iat 在未来：请检查时钟，并确认 iat 为 1970 年以来的秒数而非毫秒数',
}
