/**
 * Bytes of canonical base64: standard alphabet, padded, no stray bits; so no two texts mean the same bytes.
 *
 * @see RFC 4648 sections 3.5 and 4
 */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** A whole number below 2^53 without sign or leading zeroes. */
export function fromDecimal(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}
