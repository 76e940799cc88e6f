/** What parties may sign with. Left out: `none`, HMAC, and everything that nobody here needs (RFC 8725 section 3.2). */
export const algorithms = ['ES256', 'EdDSA', 'RS256', 'PS256'] as const

/** EdDSA means Ed25519 here (RFC 8037). */
export type Algorithm = (typeof algorithms)[number]

export function isAlgorithm(value: unknown): value is Algorithm {
  return algorithms.some((algorithm) => algorithm === value)
}
