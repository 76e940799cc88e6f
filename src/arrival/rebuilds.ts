import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { Rebuild } from '../replay/rebuild.ts'
import { notKept } from './not-kept.ts'
import { authenticateOperator } from './operator.ts'
import { partyId, readIndex } from './parameters.ts'
import type { Parts } from './parts.ts'
import { readQuery, refuseQuery } from './query.ts'

/** `GET /v1/operations/rebuilds?bureau=`: the newest hundred. */
export async function getRebuilds(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const rebuilds = await parts.operations.rebuilds(readQuery(c, (query) => query.read('bureau', partyId)))
  return c.json({ rebuilds: rebuilds.map(rebuildJson) }, 200, notKept)
}

/** `GET /v1/operations/rebuilds/{id}`: how far it is, and in what the rebuilt view differs. */
export async function getRebuild(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  refuseQuery(c)
  const id = readIndex(c.req.param('id'))
  const rebuild = id === undefined ? undefined : await parts.operations.rebuild(id)
  if (rebuild === undefined) throw new RefusedRequest('not-found', noRebuild)
  return c.json(rebuildJson(rebuild), 200, notKept)
}

function rebuildJson({ progress, result, createdAt, updatedAt, ...rebuild }: Rebuild) {
  return {
    ...rebuild,
    progress: progress && { subjects: progress.subjects, events: progress.events, of: progress.of, folded: progress.folded },
    result: result && {
      ...result,
      examples: result.examples.map(({ fields, parked, ...example }) => ({
        ...example,
        fields: fields.map(({ left: live, right: rebuilt, ...field }) => ({ ...field, live, rebuilt })),
        parked: parked ? { live: parked.left, rebuilt: parked.right } : null,
      })),
    },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

const noRebuild = { en: 'there is no such rebuild', zh: '没有此重建' }
