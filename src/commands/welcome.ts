import { relative } from 'node:path'
import type { Config } from '../config.ts'

/** What a newcomer pastes next. */
export function welcome({ host, dataDir, logOrigin }: Config, port: number): string {
  const url = `http://${host}:${port}`
  const lianban = 'node dist/main.js'
  const data = relative(process.cwd(), dataDir) || '.'
  return `
  lianban is ready at ${url}  (log ${logOrigin}, data in ${data}/)

  Post the example events, each signed with its sender's development key:
    ${lianban} post docs/examples --url ${url} --keys ${data}/keys --receipts ${data}/receipts

  Read what local-tax knows of the first company:
    ${lianban} record show 91210203XTEXT0018E --bureau local-tax --url ${url} --key ${data}/keys/local-tax.jwk

  Verify a receipt with nothing but the log's public key:
    ${lianban} receipt verify ${data}/receipts/01-registration-established-commerce.tlog-proof --vkey "$(curl -s ${url}/log/vkey)"

  Stop with Ctrl-C.

`
}
