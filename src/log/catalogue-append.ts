import { catalogueDigests } from '../catalogue/load.ts'
import type { Rules } from '../catalogue/rules.ts'
import { type Refusal, RefusedRequest } from '../domain/refusal.ts'
import { type Operation, openOperation } from '../identity/operation-request.ts'
import type { RulesToAppend } from './appendable.ts'
import { changeFaults, typesLost } from './catalogue-change.ts'
import { catalogueEntryText, maxEntryBytes } from './entry.ts'
import type { LogReader } from './read.ts'
import type { RulesInForce } from './rules-in-force.ts'

/** What an operator signs: `action` of the request, see identity/operation-request.ts. */
export const applyCatalogue = 'apply-catalogue'

export interface CatalogueMeans {
  readonly origin: string
  readonly log: LogReader
  now(): Date
}

/** @throws {RefusedRequest} as `openOperation` does */
export function openApplyCatalogue(
  request: string,
  { keys, rules }: RulesInForce,
  { origin, now }: CatalogueMeans,
): Promise<Operation> {
  return openOperation(request, applyCatalogue, keys, {
    log: origin,
    roleOf: (party) => rules.parties.get(party)?.role,
    now: now(),
  })
}

export function isInForce(next: Rules, { rules }: RulesInForce): boolean {
  return JSON.stringify(catalogueDigests(next.files)) === JSON.stringify(catalogueDigests(rules.files))
}

/**
 * A catalogue on its way into the log. Under the lock the request is verified again, and the change is judged against the
 * catalogue that is then in force.
 *
 * @param next its files are known to be those that the request names
 */
export async function catalogueToAppend(
  request: string,
  party: string,
  next: Rules,
  before: RulesInForce,
  means: CatalogueMeans,
): Promise<RulesToAppend> {
  const files = catalogueDigests(next.files)
  const text = (received: string) => catalogueEntryText({ received, rules: next.catalogue.rules, files, request })
  // looking through the whole log takes a while: it is done before the lock, and under it only for what came since
  const lost = typesLost(before.rules, next)
  const seenSize = await means.log.size()
  const used = await means.log.typesUsed(lost, 0)
  return {
    kind: 'catalogue',
    party,
    text,
    blobs: new Map([...next.files].map(([name, content]) => [files[name] ?? '', content])),
    async refuse(inForce) {
      try {
        const { jti } = await openApplyCatalogue(request, inForce, means)
        if (await means.log.hasCatalogueRequest(jti)) return usedBefore
      } catch (error) {
        if (error instanceof RefusedRequest) return error.refusal
        throw error
      }
      if (inForce.rules !== before.rules) return changedMeanwhile
      const usedSince = await means.log.typesUsed(lost, seenSize)
      const faults = changeFaults(before.rules, next, [...new Set([...used, ...usedSince])], inForce.keys)
      const bytes = Buffer.byteLength(text('2026-11-23T00:00:00.000Z'))
      const length =
        bytes > maxEntryBytes ? [`its entry would have ${bytes} bytes, ${maxEntryBytes} are allowed: use fewer files`] : []
      return faults.length + length.length === 0 ? undefined : invalidCatalogue([...faults, ...length])
    },
  }
}

/** Faults are for the person at the desk, who wrote the file: they come in English alone. */
export function invalidCatalogue(faults: readonly string[]): Refusal {
  return {
    code: 'invalid-catalogue',
    detail: {
      en: `nothing was changed: the catalogue has ${faults.length} fault${faults.length === 1 ? '' : 's'}`,
      zh: `未作任何更改：目录有 ${faults.length} 处错误`,
    },
    errors: faults.map((fault) => ({ pointer: '/files', code: 'catalogue', message: { en: fault, zh: fault } })),
  }
}

const usedBefore: Refusal = {
  code: 'invalid-request',
  detail: { en: 'this request was carried out before; sign a new one', zh: '此请求已执行过；请重新签名' },
}
const changedMeanwhile: Refusal = {
  code: 'overloaded',
  detail: {
    en: 'another catalogue came into force at the same moment; look at it, then apply yours again',
    zh: '同一时刻另一目录已生效；请查看后重新提交',
  },
}
