#!/usr/bin/env node
// Hurts a whole exchange of real processes under load and proves that nothing was lost: `npm run torture -- --minutes 3 --seed 1`.
//
//   --minutes N    how long faults happen, 3
//   --seed S       which ones, and when; 1. The same seed hurts the same processes at the same moments
//   --mutations N  changed requests to POST /v1/events beforehand, of the same seed; 100000 from ten minutes on, else none
//   --keep         keeps logs and data also when all is proved
//   --no-tmpfs     mounts no file systems for disks that are full: writes are made to fail instead, as where nothing can be mounted
//
// Needs Java and Maven, as `npm run kafka` does. Exit code 1: something is wrong, and it says what and where the data are.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..', '..')
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    mutations: { type: 'string' },
    keep: { type: 'boolean', default: false },
    'no-tmpfs': { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const mutations = Number(values.mutations ?? (minutes < 10 ? 0 : 100_000))
if (!(minutes > 0 && minutes <= 600) || !Number.isInteger(seed) || !(Number.isInteger(mutations) && mutations >= 0)) {
  console.error('--minutes is a number up to 600, --seed and --mutations are whole numbers')
  process.exit(2)
}
const vitest = [process.execPath, join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--root', root]
if (mutations > 0) {
  const env = { ...process.env, FUZZ_MUTATIONS: String(mutations), FUZZ_SEED: String(seed) }
  await ended(spawn(vitest[0], [...vitest.slice(1), 'tests/arrival/fuzz.test.ts'], { stdio: 'inherit', env }))
}

// what is mounted is seen by the run alone, and is gone with it
const apart = ['--mount', '--propagation', 'private']
const mountable = spawnSync('unshare', [...apart, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'ignore' }).status === 0
const tmpfs = mountable && !values['no-tmpfs']
const config = join(import.meta.dirname, 'vitest.config.ts')
const [program, ...args] = [...(tmpfs ? ['unshare', ...apart] : []), ...vitest, '--config', config]
const run = spawn(program, args, {
  stdio: 'inherit',
  env: {
    ...process.env,
    TORTURE_MINUTES: String(minutes),
    TORTURE_SEED: String(seed),
    TORTURE_KEEP: values.keep ? '1' : '',
    TORTURE_TMPFS: tmpfs ? '1' : '',
  },
})
await ended(run)

/** Goes on only when all was well. */
async function ended(child) {
  const [code] = await once(child, 'exit')
  if (code !== 0) process.exit(code ?? 1)
}
