import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { Text } from '../domain/text.ts'

/** An address may hold thousands of names, and long ones: so much of them is told. */
const maxToldNames = 20
const maxToldCharacters = 64

/** How the text of a parameter is read. */
export interface Parameter<Value> {
  /** undefined when the text is none */
  readonly read: (text: string) => Value | undefined
  /** what it must be, for a sentence that begins with the parameter's name */
  readonly must: Text
}

/**
 * The query of a request. A parameter that `ask` doesn't read is unknown: it may be a filter with a slip in its name, and
 * to leave it out would answer everything.
 *
 * @throws {RefusedRequest} `invalid-request` with every fault: unknown names, repeated ones, values that are none
 */
export function readQuery<Asked>(c: Context, ask: (query: Query) => Asked): Asked {
  const query = new Query(c.req.url)
  const asked = ask(query)
  query.refuseFaults()
  return asked
}

/** For an address that has no parameters. @throws {RefusedRequest} `invalid-request` */
export function refuseQuery(c: Context): void {
  readQuery(c, () => undefined)
}

/** What is asked of a query, one parameter after the other. */
export class Query {
  readonly #given: ReadonlyMap<string, readonly (string | undefined)[]>
  readonly #known: string[] = []
  readonly #faults: Text[] = []

  constructor(url: string) {
    this.#given = parametersIn(url)
  }

  /** An empty parameter is one that is left out. */
  read<Value>(name: string, parameter: Parameter<Value>): Value | undefined {
    this.#known.push(name)
    const texts = this.#given.get(name) ?? ['']
    if (texts.length > 1)
      return this.#fault(`${name} is given ${texts.length} times: give it once`, `${name} 出现 ${texts.length} 次，只能给出一次`)
    const [text] = texts
    if (text === undefined) return this.mustBe(name, percentEncoded)
    if (text === '') return undefined
    return parameter.read(text) ?? this.mustBe(name, parameter.must)
  }

  /** The same where it can't be left out. */
  need<Value>(name: string, parameter: Parameter<Value>): Value | undefined {
    const value = this.read(name, parameter)
    return this.isGiven(name) ? value : this.mustBe(name, parameter.must)
  }

  isGiven(name: string): boolean {
    return (this.#given.get(name) ?? []).some((text) => text !== '')
  }

  mustBe(name: string, { en, zh }: Text): undefined {
    return this.#fault(`${name} must be ${en}`, `${name} 须为：${zh}`)
  }

  refuseFaults(): void {
    const unknown = [...this.#given.keys()].filter((name) => !this.#known.includes(name))
    const unknownNames = unknown.length === 0 ? [] : [noParameters(unknown, this.#known)]
    const faults = [...unknownNames, ...this.#faults]
    if (faults.length === 0) return
    const told = { en: faults.map(({ en }) => en).join('; '), zh: faults.map(({ zh }) => zh).join('；') }
    throw new RefusedRequest('invalid-request', told)
  }

  #fault(en: string, zh: string): undefined {
    this.#faults.push({ en, zh })
  }
}

function noParameters(unknown: readonly string[], known: readonly string[]): Text {
  const more = unknown.length - maxToldNames
  const told = unknown.slice(0, maxToldNames).map((name) => JSON.stringify([...name].slice(0, maxToldCharacters).join('')))
  const [names, namesZh] = [told.join(', '), told.join('、')]
  const en = `there ${unknown.length === 1 ? 'is no parameter' : 'are no parameters'} ${names}${more > 0 ? ` and ${more} more` : ''} here`
  const zh = `此处没有参数 ${namesZh}${more > 0 ? ` 等 ${unknown.length} 个` : ''}`
  if (known.length === 0) return { en: `${en}, nor any other`, zh: `${zh}，也没有其他参数` }
  return { en: `${en}, only ${known.join(', ')}`, zh: `${zh}，只有 ${known.join('、')}` }
}

/** By name, each with all its texts; undefined stands for one that is no percent-encoded UTF-8, such as GBK. */
function parametersIn(url: string): ReadonlyMap<string, readonly (string | undefined)[]> {
  const [, search = ''] = /\?([^#]*)/.exec(url) ?? []
  const given = new Map<string, (string | undefined)[]>()
  for (const part of search.split('&').filter((one) => one !== '')) {
    const [name = '', ...value] = part.split('=')
    const decodedName = decoded(name) ?? name
    const texts = given.get(decodedName) ?? []
    texts.push(decoded(value.join('=')))
    given.set(decodedName, texts)
  }
  return given
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined // its caller tells
  }
}

const percentEncoded = {
  en: 'percent-encoded UTF-8 (GBK is not: 大 is %E5%A4%A7)',
  zh: '百分号编码的 UTF-8（不是 GBK：“大”写作 %E5%A4%A7）',
}
