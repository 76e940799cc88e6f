#!/usr/bin/env node
// Hurts a whole exchange of real processes under load and proves that nothing was lost: `npm run torture -- --minutes 3 --seed 1`.
//
//   --minutes N  how long faults happen, 3
//   --seed S     which ones, and when; 1. The same seed hurts the same processes at the same moments
//   --keep       keeps logs and data also when all is proved
//   --no-tmpfs   mounts no file systems for disks that are full: writes are made to fail instead, as where nothing can be mounted
//
// Needs Java and Maven, as `npm run kafka` does. Exit code 1: something is wrong, and it says what and where the data are.
import { spawn, spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..', '..')
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    'no-tmpfs': { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
if (!(minutes > 0 && minutes <= 600) || !Number.isInteger(seed)) {
  console.error('--minutes is a number up to 600, --seed a whole number')
  process.exit(2)
}
// what is mounted is seen by the run alone, and is gone with it
const apart = ['--mount', '--propagation', 'private']
const mountable = spawnSync('unshare', [...apart, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'ignore' }).status === 0
const tmpfs = mountable && !values['no-tmpfs']
const vitest = [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--root',
  root,
  '--config',
  join(import.meta.dirname, 'vitest.config.ts'),
]
const [program, ...args] = [...(tmpfs ? ['unshare', ...apart] : []), process.execPath, ...vitest]
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
run.once('exit', (code) => process.exit(code ?? 1))
