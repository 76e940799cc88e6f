import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { type Acting, type ActOptions, act, actingWith } from './act.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { followWhile } from './follow-while.ts'
import { objectsIn } from './objects-in.ts'
import type { ConnectionOptions } from './options.ts'
import { rebuildsText, rebuildText } from './view-rebuild-text.ts'

const path = '/v1/operations/rebuilds'

export interface RebuildOptions extends ActOptions {
  readonly bureau: string
  readonly dryRun?: true
  /** false with --no-swap */
  readonly swap: boolean
  readonly json?: true
}

export interface RebuildChangeOptions extends ActOptions {
  readonly json?: true
}

export interface RebuildStatusOptions extends ConnectionOptions {
  readonly key: string
  readonly bureau?: string
  readonly json?: true
}

/**
 * Asks for a rebuild, waits until the two views are compared, and swaps. A dry run ends with the comparison: exit code 1 when
 * something differs.
 */
export async function rebuildView(options: RebuildOptions): Promise<void> {
  const { bureau, dryRun = false, reason, swap } = options
  const acting = await actingWith(options)
  const asked = await act(acting, path, 'rebuild-view', { bureau, dryRun }, reason)
  if (asked.carriedOut === false && asked.dryRun !== dryRun)
    throw new CommandFailed(`rebuild ${asked.rebuild} of ${bureau} is under way: let it end, or cancel it`, 1)
  const id = Number(asked.rebuild)
  const built = await follow(acting, id, ['building'])
  if (built.state !== 'ready' || !swap) {
    print(built, options)
    if (built.state === 'cancelled' || (dryRun && differing(built) > 0)) process.exitCode = 1
    return
  }
  await swapAndWait(acting, id, options)
}

/** Puts a rebuilt view in the live one's place, and waits until it is there. */
export async function swapView(id: number, options: RebuildChangeOptions): Promise<void> {
  await swapAndWait(await actingWith(options), id, options)
}

async function swapAndWait(acting: Acting, id: number, options: RebuildChangeOptions): Promise<void> {
  const asked = await act(acting, `${path}/${id}`, 'swap-view', { rebuild: id }, options.reason)
  if (asked.waitsFor === 'approval') {
    print(await read(acting, id), options, false)
    // told apart from what a program reads
    process.stderr.write(
      `the swap waits for a second person: lianban proposals approve ${asked.index} --key … --reason …; the rebuilt view keeps up meanwhile\n`,
    )
    return
  }
  const swapped = await follow(acting, id, ['swapping'])
  print(swapped, options)
  if (swapped.state !== 'swapped') process.exitCode = 1
}

export async function cancelRebuild(id: number, options: RebuildChangeOptions): Promise<void> {
  const acting = await actingWith(options)
  await act(acting, `${path}/${id}`, 'cancel-rebuild', { rebuild: id }, options.reason)
  print(await read(acting, id), options)
}

export async function showRebuild(id: number | undefined, options: RebuildStatusOptions): Promise<void> {
  const acting = await actingWith(options)
  if (id === undefined) {
    const query = options.bureau === undefined ? '' : `?bureau=${encodeURIComponent(options.bureau)}`
    const { body } = expectStatus(await acting.client.ask(`${path}${query}`, { as: acting.key }), 200)
    process.stdout.write(options.json ? json(body) : rebuildsText(objectsIn(body.rebuilds)))
    return
  }
  const follows = process.stderr.isTTY && !options.json ? ['building', 'swapping'] : []
  print(await follow(acting, id, follows), options)
}

const follow = (acting: Acting, id: number, moving: readonly string[]) =>
  followWhile(
    () => read(acting, id),
    (rebuild) => moving.includes(String(rebuild.state)),
    'subjects',
    ({ state, progress }) => {
      if (state !== 'building' || !isJsonObject(progress)) return undefined
      return { done: Number(progress.subjects), of: Number(progress.of) }
    },
  )

async function read({ client, key }: Acting, id: number): Promise<JsonObject> {
  return expectStatus(await client.ask(`${path}/${id}`, { as: key }), 200).body
}

function differing({ result }: JsonObject): number {
  if (!isJsonObject(result)) return 0
  const { different, missing, extra, parked } = result
  return [different, missing, extra, parked].reduce<number>((sum, count) => sum + Number(count), 0)
}

function print(rebuild: JsonObject, options: { readonly json?: true }, hasNext = true): void {
  process.stdout.write(options.json ? json(rebuild) : rebuildText(rebuild, hasNext))
}

const json = (value: JsonObject) => `${JSON.stringify(value, null, 2)}\n`
