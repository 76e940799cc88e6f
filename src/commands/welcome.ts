import { isAbsolute, join, relative } from 'node:path'
import type { Config } from '../config.ts'

/** What a newcomer pastes next. */
export function welcome({ host, dataDir, logOrigin }: Config, port: number): string {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const data = fromHere(dataDir)
  const inData = (...path: string[]) => shellWord(join(data, ...path))
  const lianban = `node ${shellWord(fromHere(join(import.meta.dirname, '..', 'main.js')))}`
  const at = url === 'http://127.0.0.1:8080' ? '' : ` --url ${url}`
  return `
  lianban is ready at ${url}  (log ${logOrigin}, data in ${data})

  Post the example events, each signed with its sender's development key:
    ${lianban} post ${shellWord(fromHere(join(import.meta.dirname, '..', '..', 'docs', 'examples')))} --keys ${inData('keys')} --receipts ${inData('receipts')}${at}

  Read what local-tax knows of the first company:
    ${lianban} record show 91210203XTEXT0018E --bureau local-tax --key ${inData('keys', 'local-tax.jwk')}${at}

  Verify a receipt with nothing but the log's public key:
    ${lianban} receipt verify ${inData('receipts', '01-registration-established-commerce.tlog-proof')} --vkey ${inData('log.vkey')}

  Stop with Ctrl-C.

`
}

/** As short as it can be said from the working folder. */
function fromHere(path: string): string {
  const near = relative(process.cwd(), path) || '.'
  return near.startsWith('..') || isAbsolute(near) ? path : near
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
