import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { Replay } from '../replay/replay.ts'
import { notKept } from './not-kept.ts'
import { authenticateOperator } from './operator.ts'
import { partyId, readIndex } from './parameters.ts'
import type { Parts } from './parts.ts'
import { readQuery, refuseQuery } from './query.ts'

/** `GET /v1/operations/replays?bureau=`: the newest hundred. */
export async function getReplays(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  const replays = await parts.operations.replays(readQuery(c, (query) => query.read('bureau', partyId)))
  return c.json({ replays: replays.map(replayJson) }, 200, notKept)
}

/** `GET /v1/operations/replays/{id}`: what it asked for, what its plan found, how far it is. */
export async function getReplay(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  refuseQuery(c)
  const id = readIndex(c.req.param('id'))
  const replay = id === undefined ? undefined : await parts.operations.replay(id)
  if (replay === undefined) throw new RefusedRequest('not-found', noReplay)
  return c.json(replayJson(replay), 200, notKept)
}

/** `GET /v1/operations/proposals`: what waits for a second person. */
export async function getProposals(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  refuseQuery(c)
  const proposals = await parts.operations.proposals()
  return c.json(
    { proposals: proposals.map(({ createdAt, ...rest }) => ({ ...rest, createdAt: createdAt.toISOString() })) },
    200,
    notKept,
  )
}

function replayJson({ startedAt, createdAt, updatedAt, after, upTo, ...replay }: Replay) {
  const { plan, subjectsDone, rate } = replay
  const left = plan === null ? null : Math.max(0, plan.subjects - subjectsDone)
  // the plan's events are those of all its subjects; on average each has as many
  const eventsLeft = plan === null || left === null || plan.subjects === 0 ? null : (plan.events / plan.subjects) * left
  return {
    ...replay,
    subjectsLeft: left,
    secondsLeft: eventsLeft === null || rate === null ? null : Math.ceil(eventsLeft / rate),
    createdAt: createdAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    updatedAt: updatedAt.toISOString(),
  }
}

const noReplay = { en: 'there is no such replay', zh: '没有此回放' }
