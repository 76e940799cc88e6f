import type { Evidence } from './evidence.ts'
import * as first from './verify-commands.ts'
import * as second from './verify-commands-2.ts'

const { changes, eachEntry, json, logKey, publicKeys, signatures } = first

/** What editions of the page differ in. */
interface Differing {
  readonly byHand: string
  readonly begin: string
  readonly receipts: string
}

/** The page of the first edition. */
export function verifyMd(evidence: Evidence): string {
  const byHand = `By hand · 手工核验: unpack the file, put your vkey into the first line and the thumbprint of the operator's key, if you were told it, into the
second, and run the rest in bash with openssl 3, in the folder. Take the commands from a page that you trust: who forges a file can
forge this page in it; \`--check\` compares it.`
  return page(evidence, { byHand, begin: first.begin, receipts: first.receipts })
}

/** The page of the second edition: its commands say what does not hold, where those of the first ended without a word. */
export function verifyMd2(evidence: Evidence): string {
  const byHand = `By hand · 手工核验: unpack the file, start a \`bash\` of its own in the folder (what is refused ends it), and put in there, with openssl 3 on the machine:
\`VKEY='…'\` with your vkey, \`OPERATOR='…'\` with the thumbprint of the operator's key, if you were told it, and then every block below. All is good
where it ends with VERIFIED. Take the commands from a page that you trust: who forges a file can forge this page in it; \`--check\` compares it.
在解包目录中另启一个 \`bash\`（核验不通过即退出），先设置 \`VKEY\` 与 \`OPERATOR\`，再依次执行以下各段；以 VERIFIED 结束即为通过，否则显示 REFUSED 及原因。`
  return page(evidence, { byHand, begin: second.begin, receipts: second.receipts })
}

/** How to check evidence without our software: bash (4 or later), openssl (3 or later), sha256sum and the usual small tools. */
function page({ subject, vkey, checkpoint }: Evidence, { byHand, begin, receipts }: Differing): string {
  return `# ${subject}: 如何核验 · how to verify

本文件包中的每个条目都附有回执，证明它在日志 \`${checkpoint.origin}\` 中（共 ${checkpoint.size} 条）。核验只需日志公钥（vkey），须从您信任的途径取得，
不可取自本文件包。制作本文件包时使用的公钥是：

Every entry here has a receipt, which proves that it is in the log \`${checkpoint.origin}\` of ${checkpoint.size} entries. All it takes is the log's public key
(its *vkey*), which you must have from somebody you trust and not from this file. When this file was made, it was:

    ${vkey}

**What it proves**: these events are in the log, unaltered, at these places; who signed each, with which key; under which rules.
**What it does not prove**: that there are no other events about ${subject}, nor that no key was revoked and no rules were changed by
entries that were left out: whoever made this file from a copy of the log took the index of that copy at its word. To be sure of that,
export the log, verify it (\`lianban audit verify\`) and have evidence made from that export with \`--no-index\`. Refused requests name
no subject and are not here.

**能证明**：所列事件未经改动地载于日志的所示位置；由谁、以哪个密钥签名；当时适用哪些规则。
**不能证明**：该主体没有其他事件，也不能证明没有遗漏的密钥吊销或规则变更条目：由日志副本制作时，以该副本的索引为准。如需确认，请导出日志并
核验（\`lianban audit verify\`），再以 \`--no-index\` 由该导出另行制作。被拒绝的请求不载明主体，故不在其中。

With our software · 使用本软件: \`lianban audit evidence --check FILE.zip --vkey VKEY\`

${byHand}

**By hand you do not check** that vouchers and requests were signed at the time of their entries, what is given as the reason of a
revocation, and that each event satisfied the rules: the sender's right to its type, schema, codes and legal order. \`--check\` does.
**手工不核验**：担保与申请的签名时间、吊销理由，以及事件是否符合规则（发送权限、模式、代码、法定顺序）；\`--check\` 会核验。

\`\`\`bash
${begin}
\`\`\`

The log's key: 12 fixed bytes before the 32 bytes at the end of the vkey are a public key that openssl reads.

\`\`\`bash
${logKey}
\`\`\`

A receipt: the checkpoint's signature, then the way from the entry to its root (RFC 9162, section 2.1.3.2).

\`\`\`bash
${receipts}
\`\`\`

A member of a JSON object: whatever stands there twice, or not at all, is refused.

\`\`\`bash
${json}
\`\`\`

A key out of its JWK, and its thumbprint (RFC 7638).

\`\`\`bash
${publicKeys}
\`\`\`

A signature, over the first two parts of a JWS, by a key that is in force. What it says is the second part.

\`\`\`bash
${signatures}
\`\`\`

How keys and rules come into force, and who signed an event. The first key is the operator's and vouches for itself. Every other one signs its own
registration, with the voucher of a key in force in it: one of its party, or an operator's for a party that has none. A revocation
is signed by a key of the party or of an operator, a change of the rules by an operator's. An event comes from the party whose key signed
it.

\`\`\`bash
${changes}
\`\`\`

Every entry in the order of the log, so that a key is in force from its registration to its revocation.

\`\`\`bash
subject=${quoted(subject)}
${eachEntry}
\`\`\`
`
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
