import { hash } from 'node:crypto'
import { catalogueDigests, catalogueName, isFileName, maxFileBytes, maxFiles } from '../../catalogue/load.ts'
import { CatalogueInvalid, type Rules } from '../../catalogue/rules.ts'
import { RefusedRequest } from '../../domain/refusal.ts'
import type { KeysInForce } from '../../identity/keys-in-force.ts'
import { type Operation, openOperation } from '../../identity/operation-request.ts'
import { applyCatalogue, isInForce } from '../../log/catalogue-append.ts'
import { changeFaults, typesLost } from '../../log/catalogue-change.ts'
import type { FormedCatalogue } from './entry-form.ts'
import { momentsOf } from './moment.ts'

/** A catalogue entry that may not stand where it stands, in a sentence. */
export class CatalogueUnfounded extends Error {
  override readonly name = 'CatalogueUnfounded'
}

/** The code rules by which this version judges. */
const knownRules = '1'

/** Files of a catalogue made ready for use. */
export type Compile = (files: ReadonlyMap<string, string>) => Rules

/** What was in force before an entry. */
export interface RulesBefore {
  readonly index: number
  readonly origin: string
  readonly keys: KeysInForce
  readonly rules: Rules
}

/**
 * The rules that an entry names: its files by their digests, whole and usable.
 *
 * @param blob a file by its SHA-256; what it throws comes through
 * @throws {CatalogueUnfounded}
 */
export async function rulesNamed(
  { files, rules: version }: FormedCatalogue,
  blob: (digest: string) => Promise<Buffer>,
  compile: Compile,
): Promise<Rules> {
  if (version !== knownRules)
    throw new CatalogueUnfounded(
      `it has the code rules "${version}", and this version of lianban knows "${knownRules}" alone: verify with a newer one if there is`,
    )
  const names = Object.keys(files)
  if (names.length > maxFiles + 1) throw new CatalogueUnfounded(`it names ${names.length} files`)
  if (names.some((name, i) => !isFileName(name) || (i > 0 && name <= (names[i - 1] ?? ''))))
    throw new CatalogueUnfounded('its file names are not sorted, or one of them is none that a catalogue can have')
  const contents = new Map<string, string>()
  for (const [name, digest] of Object.entries(files)) {
    const content = await blob(digest)
    if (content.length > maxFileBytes || hash('sha256', content) !== digest)
      throw new CatalogueUnfounded(`the file that was given for ${name} does not have the digest ${digest}`)
    contents.set(name, content.toString('utf8'))
  }
  const main = contents.get(catalogueName)
  if (main === undefined) throw new CatalogueUnfounded(`it has no ${catalogueName}`)
  const rules = compiled(new Map([[catalogueName, main], ...contents]), compile)
  if (rules.catalogue.rules !== version)
    throw new CatalogueUnfounded(`it says rules "${version}", its file "${rules.catalogue.rules}"`)
  if (JSON.stringify(catalogueDigests(rules.files)) !== JSON.stringify(files))
    throw new CatalogueUnfounded('a file of it is no UTF-8')
  return rules
}

function compiled(files: ReadonlyMap<string, string>, compile: Compile): Rules {
  try {
    return compile(files)
  } catch (error) {
    if (!(error instanceof CatalogueInvalid)) throw error
    throw new CatalogueUnfounded(error.faults[0] ?? error.message)
  }
}

/**
 * The operator's signed request that a change of the rules came by: for these files, by a key in force, of that time.
 *
 * @throws {CatalogueUnfounded}
 */
export async function requestOf(
  { files, request }: FormedCatalogue,
  received: Date,
  { origin, keys, rules }: RulesBefore,
): Promise<Operation> {
  if (request === undefined) throw new CatalogueUnfounded("it carries no operator's request")
  const roleOf = (party: string) => rules.parties.get(party)?.role
  let cause = ''
  for (const now of momentsOf(received)) {
    try {
      const operation = await openOperation(request, applyCatalogue, keys, { log: origin, roleOf, now })
      if (JSON.stringify(operation.payload.files) === JSON.stringify(files)) return operation
      throw new CatalogueUnfounded('the operator asked for other files')
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error
      cause ||= error.refusal.detail.en
    }
  }
  throw new CatalogueUnfounded(`its request: ${cause}`)
}

/**
 * A running exchange could not have followed every change.
 *
 * @param typesUsed asked only when types were lost
 * @throws {CatalogueUnfounded}
 */
export async function expectFollowable(
  next: Rules,
  before: RulesBefore,
  typesUsed: () => Promise<ReadonlySet<string>>,
): Promise<void> {
  const lost = typesLost(before.rules, next)
  const used = lost.length === 0 ? new Set<string>() : await typesUsed()
  const usedLost = lost.filter((type) => used.has(type))
  const [fault] = changeFaults(before.rules, next, usedLost, before.keys)
  if (fault !== undefined) throw new CatalogueUnfounded(fault)
  if (isInForce(next, { ...before, catalogues: [] })) throw new CatalogueUnfounded('its files were in force already')
}
