import { isDeepStrictEqual } from 'node:util'
import type { Catalogue } from './catalogue.ts'

/** Names that a later list has and an earlier one had not, the reverse, and those whose content differs; each sorted. */
export interface Difference {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** What one catalogue changed in the one before it. */
export interface CatalogueDifference {
  readonly files: Difference
  readonly parties: Difference
  readonly kinds: Difference
  readonly types: Difference
  /** its other members, such as `version` or `time` */
  readonly settings: Difference
}

interface CatalogueAndFiles {
  readonly catalogue: Catalogue
  /** SHA-256 by file name */
  readonly files: Readonly<Record<string, string>>
}

/** A type is changed when its own lines in the catalogue are; a change of its schema is a changed file. */
export function catalogueDifference(before: CatalogueAndFiles, next: CatalogueAndFiles): CatalogueDifference {
  const { parties, kinds, types, ...settings } = next.catalogue
  const { parties: oldParties, kinds: oldKinds, types: oldTypes, ...oldSettings } = before.catalogue
  return {
    files: difference(Object.entries(before.files), Object.entries(next.files)),
    parties: difference(named(oldParties, 'id'), named(parties, 'id')),
    kinds: difference(named(oldKinds, 'id'), named(kinds, 'id')),
    types: difference(named(oldTypes, 'type'), named(types, 'type')),
    settings: difference(Object.entries(oldSettings), Object.entries(settings)),
  }
}

function named<K extends string, T extends Readonly<Record<K, string>>>(list: readonly T[], name: K): [string, T][] {
  return list.map((one) => [one[name], one])
}

function difference(before: readonly (readonly [string, unknown])[], next: readonly (readonly [string, unknown])[]): Difference {
  const [was, is] = [new Map(before), new Map(next)]
  return {
    added: [...is.keys()].filter((name) => !was.has(name)).sort(),
    removed: [...was.keys()].filter((name) => !is.has(name)).sort(),
    changed: [...is.keys()].filter((name) => was.has(name) && !isDeepStrictEqual(was.get(name), is.get(name))).sort(),
  }
}
