import { isPartyId } from '../domain/party-id.ts'
import { maxPage } from '../view/queries.ts'
import { isLonger } from './characters.ts'
import type { Parameter } from './query.ts'

export const pageSize: Parameter<number> = {
  read: (text) => (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= maxPage ? Number(text) : undefined),
  must: { en: `a number from 1 to ${maxPage}`, zh: `1 到 ${maxPage} 的数字` },
}

/** An index of the log, or a size of it, in the one way to write it: so many digits are a whole number for JavaScript, too. */
export function readIndex(text = ''): number | undefined {
  return /^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined
}

/** Whether it is one that a page gave is seen where it is read. */
export const cursor: Parameter<string> = {
  read: (text) => (/^[A-Za-z0-9_-]{1,1000}$/.test(text) ? text : undefined),
  must: { en: 'the next of the page before', zh: '上一页给出的 next' },
}

/** Of a party, or of a bureau, that the catalogue has no more, too. */
export const partyId: Parameter<string> = {
  read: (text) => (isPartyId(text) ? text : undefined),
  must: { en: 'an id such as commerce', zh: '代号，如 commerce' },
}

/** Any text that a column may hold: Postgres has no U+0000. */
export const textUpTo = (characters: number): Parameter<string> => ({
  read: (text) => (isLonger(text, characters) || text.includes('\0') ? undefined : text),
  must: {
    en: `a text of at most ${characters} characters without U+0000`,
    zh: `不超过 ${characters} 个字符且不含 U+0000 的文本`,
  },
})

export const oneOf = <Value extends string>(values: readonly Value[]): Parameter<Value> => ({
  read: (text) => values.find((value) => value === text),
  must: { en: `one of ${values.join(', ')}`, zh: values.join('、') },
})
