/** Languages that answers for people come in. */
export type Language = 'en' | 'zh'

/**
 * The language an `Accept-Language` header prefers: Chinese when it ranks above English, English otherwise.
 *
 * @see RFC 9110 section 12.5.4
 */
export function preferredLanguage(header: string | undefined): Language {
  if (header === undefined) return 'en'
  const rank = { en: 0, zh: 0 }
  for (const part of header.split(',', 32)) {
    const [range = '', ...parameters] = part.trim().toLowerCase().split(';')
    const q = parameters.map((one) => /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/.exec(one)?.[1]).find((one) => one !== undefined)
    const weight = q === undefined ? 1 : Number(q)
    const language = range.split('-')[0]
    if (language === 'zh' || language === 'en') rank[language] = Math.max(rank[language], weight)
  }
  return rank.zh > rank.en || (rank.zh > 0 && rank.zh === rank.en && /^\s*zh/i.test(header)) ? 'zh' : 'en'
}
