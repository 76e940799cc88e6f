import { codeChecks } from '../domain/codes/code-checks.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { type Catalogue, type EventType, type Party, partiesNamed, type ViewRules } from './catalogue.ts'
import { catalogueName, isFileName } from './load.ts'
import { nameFaults, slowMasks } from './name-faults.ts'
import { CatalogueInvalid, type CompiledViewRules, type Rules, type TypeRules } from './rules.ts'
import { shapeOf } from './shape.ts'
import { compileEventCheck, compileRecordCheck, schemaFaults } from './validators.ts'

/** The files of a catalogue, parsed. */
type Contents = ReadonlyMap<string, JsonObject>

/**
 * Makes the files of a catalogue ready for use, once it is sure that nothing keeps them from being used.
 *
 * @param files content by name, as `readCatalogueFiles` or the log gives them
 * @throws {CatalogueInvalid} naming every fault at once
 */
export function compileRules(files: ReadonlyMap<string, string>): Rules {
  return readRules(files, schemaFaults)
}

/**
 * As {@link compileRules}, for files that are in no log yet: what earlier versions have let pass keeps them out, too.
 *
 * @throws {CatalogueInvalid} naming every fault at once
 */
export function compileNewRules(files: ReadonlyMap<string, string>): Rules {
  return readRules(files, schemaFaults, slowMasks)
}

/**
 * As {@link compileRules}, but schemas wait until they are first asked: compiling all of them takes longer than most commands.
 * For files that are in a log, whose schemas were looked at when they came into it.
 *
 * @throws {CatalogueInvalid} for any other fault; a schema that is not usable after all makes its check throw
 */
export function loadRules(files: ReadonlyMap<string, string>): Rules {
  return readRules(files, () => [])
}

type SchemaFaults = (schema: JsonObject) => readonly string[]

function readRules(
  files: ReadonlyMap<string, string>,
  schemaFaultsOf: SchemaFaults,
  newFaultsOf: (catalogue: Catalogue) => readonly string[] = () => [],
): Rules {
  if (!files.has(catalogueName)) throw new CatalogueInvalid([`${catalogueName} is missing`])
  const { contents, faults: syntaxFaults } = parseAll(files)
  const content = contents.get(catalogueName)
  if (!content) throw new CatalogueInvalid(syntaxFaults)
  const { catalogue, faults: shapeFaults } = shapeOf(content)
  if (!catalogue) throw new CatalogueInvalid([...syntaxFaults, ...shapeFaults])
  const faults = [
    ...syntaxFaults,
    ...shapeFaults,
    ...nameFaults(catalogue, contents, Object.keys(codeChecks)),
    ...referenceFaults(catalogue, files, contents, schemaFaultsOf),
    ...newFaultsOf(catalogue),
  ]
  if (faults.length > 0) throw new CatalogueInvalid(faults)
  return rulesOf(catalogue, files, contents)
}

/**
 * The files that were parsed last. A catalogue has most of them from the one before: what is the same text becomes the same object,
 * and its schema is compiled, and made fast by V8, once for both.
 */
let parsedLast: ReadonlyMap<string, { readonly text: string; readonly content: JsonObject }> = new Map()

function parseAll(files: ReadonlyMap<string, string>): { contents: Contents; faults: readonly string[] } {
  const parsed = new Map<string, { text: string; content: JsonObject }>()
  const faults: string[] = []
  for (const [name, text] of files) {
    const before = parsedLast.get(name)
    try {
      const content = before?.text === text ? before.content : parseStrictJson(Buffer.from(text, 'utf8'))
      parsed.set(name, { text, content })
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error
      faults.push(`${name}: ${error.refusal.detail.en}`)
    }
  }
  parsedLast = parsed
  return { contents: new Map([...parsed].map(([name, { content }]) => [name, content])), faults }
}

/** What is wrong with the files that a catalogue refers to, each named once. */
function referenceFaults(
  catalogue: Catalogue,
  files: ReadonlyMap<string, string>,
  contents: Contents,
  schemaFaultsOf: SchemaFaults,
): readonly string[] {
  const views = catalogue.parties.flatMap(({ view }) => (view ? [view] : []))
  const recordSchemas = views.flatMap(({ recordSchema }) => recordSchema ?? [])
  const schemas = [catalogue.envelope, ...catalogue.types.map(({ schema }) => schema), ...recordSchemas]
  const tables = views.flatMap(({ assignment }) => assignment?.table ?? [])
  const look = (name: string, faultsOf: (content: JsonObject) => readonly string[]): readonly string[] => {
    if (!isFileName(name)) return [] // the catalogue's own schema has said so
    if (!files.has(name)) return [`${name} is missing`]
    const content = contents.get(name)
    return content ? faultsOf(content).map((fault) => `${name}: ${fault}`) : [] // what can't be read was named already
  }
  return [
    ...[...new Set(schemas)].flatMap((name) => look(name, schemaFaultsOf)),
    ...[...new Set(tables)].flatMap((name) => look(name, tableFaults)),
  ]
}

function tableFaults(table: JsonObject): readonly string[] {
  const wrong = Object.entries(table).filter(([, office]) => typeof office !== 'string' || office === '')
  return wrong.map(([division]) => `the office for ${division} must be a text that is not empty`)
}

function rulesOf(catalogue: Catalogue, files: ReadonlyMap<string, string>, contents: Contents): Rules {
  const fileNamed = (name: string): JsonObject => contents.get(name) ?? {}
  const kinds = new Map(catalogue.kinds.map((kind) => [kind.id, kind]))
  const compileType = (type: EventType): TypeRules => {
    const kind = kinds.get(type.kind)
    if (!kind) throw new Error(`${type.type} passed without its kind ${type.kind}`)
    const schemas = { envelope: fileNamed(catalogue.envelope), data: fileNamed(type.schema) }
    const checkOnceAsked = once(() => compileEventCheck({ ...schemas, kind, time: catalogue.time }))
    return {
      type,
      kind,
      senders: partiesNamed(catalogue, type.senders),
      receivers: receiversOf(type, catalogue),
      check: (event, now) => checkOnceAsked()(event, now),
    }
  }
  const compileView = ({ id, view }: Party): readonly [string, CompiledViewRules][] =>
    view ? [[id, viewRulesOf(view, fileNamed)]] : []
  return {
    catalogue,
    files: inOrder(files),
    parties: new Map(catalogue.parties.map((party) => [party.id, party])),
    bureaus: catalogue.parties.filter(({ role }) => role === 'bureau'),
    kinds,
    types: new Map(catalogue.types.map((type) => [type.type, compileType(type)])),
    views: new Map(catalogue.parties.flatMap(compileView)),
  }
}

/** A bureau that is named more than once receives what any of the names gives it. */
function receiversOf({ receivers }: EventType, catalogue: Catalogue): ReadonlyMap<string, ReadonlySet<string> | undefined> {
  const found = new Map<string, ReadonlySet<string> | undefined>()
  for (const { to, fields } of receivers) {
    for (const bureau of partiesNamed(catalogue, [to])) {
      const before = found.has(bureau) ? found.get(bureau) : new Set<string>()
      found.set(bureau, fields && before ? new Set([...before, ...fields]) : undefined)
    }
  }
  return found
}

function viewRulesOf({ assignment, recordSchema }: ViewRules, fileNamed: (name: string) => JsonObject): CompiledViewRules {
  const offices = Object.entries(assignment ? fileNamed(assignment.table) : {})
  const checkOnceAsked = once(() => (recordSchema === undefined ? () => [] : compileRecordCheck(fileNamed(recordSchema))))
  return {
    assignment: assignment && {
      field: assignment.field,
      offices: new Map(offices.flatMap(([division, office]) => (typeof office === 'string' ? [[division, office]] : []))),
    },
    checkRecord: (data, today) => checkOnceAsked()(data, today),
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function inOrder(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const others = [...files].filter(([name]) => name !== catalogueName).sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map([[catalogueName, files.get(catalogueName) ?? ''], ...others])
}
