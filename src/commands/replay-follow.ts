import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { followWhile } from './follow-while.ts'

/**
 * Reads a replay until it is in none of some states, with a bar on a terminal. Ctrl-C ends the looking on, not the replay.
 *
 * @returns it as it is then
 */
export function followReplay(read: () => Promise<JsonObject>, moving: readonly string[]): Promise<JsonObject> {
  return followWhile(
    read,
    ({ state }) => moving.includes(String(state)),
    'subjects',
    ({ state, plan, subjectsDone }) =>
      state === 'running' ? { done: Number(subjectsDone), of: isJsonObject(plan) ? Number(plan.subjects) : 0 } : undefined,
  )
}
