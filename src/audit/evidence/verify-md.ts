import type { Evidence } from './evidence.ts'
import type { History } from './history.ts'
import { entryFile } from './names.ts'

/** How to check evidence without our software: bash, openssl (3 or later), sha256sum and the usual small tools. */
export function verifyMd({ subject, vkey, checkpoint }: Evidence, { events, keys, rules }: History): string {
  const signatures = events.map(
    ({ index, keyIndex, key }) => `signature ${entryFile('events', index)} jws keys/${number(keyIndex)}.pem ${key.algorithm}`,
  )
  const requests = rules.flatMap(({ index, asked }) =>
    asked === undefined
      ? []
      : [`signature ${entryFile('catalogues', index)} request keys/${number(asked.keyIndex)}.pem ${asked.key.algorithm}`],
  )
  const pems = keys.map(({ index }) => `key ${number(index)}`)
  return `# ${subject}: 如何核验 · how to verify

本文件包中的每个条目都附有回执，证明它在日志 \`${checkpoint.origin}\` 中（共 ${checkpoint.size} 条）。核验只需日志公钥（vkey），须从您信任的途径取得，
不可取自本文件包。制作本文件包时使用的公钥是：

Every entry here has a receipt, which proves that it is in the log \`${checkpoint.origin}\` of ${checkpoint.size} entries. All it takes is the log's public key
(its *vkey*), which you must have from somebody you trust and not from this file. When this file was made, it was:

    ${vkey}

**What it proves**: these events are in the log, unaltered, at these places; who signed each, with which key; under which rules.
**What it does not prove**: that there are no other events about ${subject} (for this, verify the whole log), nor that no key was revoked
and no rules were changed by entries that were left out. Refused requests name no subject and are not here.

**能证明**：所列事件未经改动地载于日志的所示位置；由谁、以哪个密钥签名；当时适用哪些规则。
**不能证明**：该主体没有其他事件（须核验整个日志），也不能证明没有遗漏的密钥吊销或规则变更条目。被拒绝的请求不载明主体，故不在其中。

With our software · 使用本软件: \`lianban audit evidence --check FILE.zip --vkey VKEY\`

By hand · 手工核验: unpack the file, put your vkey into the first line, and run the rest in bash with openssl 3, in the folder.

\`\`\`bash
VKEY=\${VKEY:?put the vkey here}
set -euo pipefail
work=$(mktemp -d)
sha256sum --check --quiet SHA256SUMS
echo "no file was changed since this was made"
for file in blobs/*; do echo "\${file#blobs/}  $file"; done | sha256sum --check --quiet
echo "every file of the rules has the digest it is named by"
\`\`\`

The log's key: 12 fixed bytes before the 32 bytes at the end of the vkey are a public key that openssl reads.

\`\`\`bash
printf %s "\${VKEY#*+*+}" | openssl base64 -d -A > "$work/typed-key"
{ printf '\\x30\\x2a\\x30\\x05\\x06\\x03\\x2b\\x65\\x70\\x03\\x21\\x00'; tail -c 32 "$work/typed-key"; } > "$work/log.der"
\`\`\`

A receipt: the checkpoint's signature, then the way from the entry to its root (RFC 9162, section 2.1.3.2).

\`\`\`bash
receipt() {
  sed '1,/^$/d' "$1" > "$work/checkpoint"
  sed '/^$/,$d' "$work/checkpoint" > "$work/text"
  sed -n "s|^— \${VKEY%%+*} ||p" "$work/checkpoint" | head -n 1 | openssl base64 -d -A | tail -c +5 > "$work/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/log.der" -rawin -in "$work/text" -sigfile "$work/signature" > /dev/null
  index=$(sed -n 's/^index //p' "$1") size=$(sed -n 2p "$work/text")
  [ "$(basename "$1" .tlog-proof)" = "$(printf %012d "$index")" ]
  { printf '\\x00'; cat "\${1%.tlog-proof}.entry"; } | openssl dgst -sha256 -binary > "$work/hash"
  fn=$index sn=$((size - 1))
  while read -r sibling; do
    printf %s "$sibling" | openssl base64 -d -A > "$work/sibling"
    if [ $((fn & 1)) = 1 ] || [ "$fn" = "$sn" ]; then
      { printf '\\x01'; cat "$work/sibling" "$work/hash"; } | openssl dgst -sha256 -binary > "$work/next"
      while [ $((fn & 1)) = 0 ] && [ "$fn" != 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
    else
      { printf '\\x01'; cat "$work/hash" "$work/sibling"; } | openssl dgst -sha256 -binary > "$work/next"
    fi
    mv "$work/next" "$work/hash"
    fn=$((fn >> 1)) sn=$((sn >> 1))
  done < <(sed -n '/^index /,/^$/p' "$1" | sed '1d;$d')
  [ "$sn" = 0 ]
  [ "$(openssl base64 -A < "$work/hash")" = "$(sed -n 3p "$work/text")" ]
  echo "$1: the log of $size entries has it at index $index"
}
for file in */*.tlog-proof; do receipt "$file"; done
\`\`\`

The keys: each \`.pem\` holds what the key entry beside it registers.

\`\`\`bash
bytes() { printf %s "$1===" | tr '_-' '/+' | sed 's/=*$//' | sed -e 's/^\\(\\(....\\)*\\)\\(..\\)$/\\1\\3==/' -e 's/^\\(\\(....\\)*\\)\\(...\\)$/\\1\\3=/' | openssl base64 -d -A; }
field() { sed -n "s/.*\\"$2\\":\\"\\([^\\"]*\\)\\".*/\\1/p" "$1"; }
key() {
  case $(field "keys/$1.entry" kty) in
    EC) { bytes "$(field "keys/$1.entry" x)"; bytes "$(field "keys/$1.entry" y)"; } | cmp - <(openssl pkey -pubin -in "keys/$1.pem" -outform DER | tail -c 64) ;;
    OKP) bytes "$(field "keys/$1.entry" x)" | cmp - <(openssl pkey -pubin -in "keys/$1.pem" -outform DER | tail -c 32) ;;
    RSA) bytes "$(field "keys/$1.entry" n)" | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F | cmp - <(openssl rsa -pubin -in "keys/$1.pem" -modulus -noout | sed 's/^Modulus=//' | tr -d '\\n') ;;
    *) return 1 ;;
  esac
  echo "keys/$1.pem: the key $(field "keys/$1.entry" kid) of $(field "keys/$1.entry" party)"
}
${pems.join('\n')}
\`\`\`

The signature of each event, and of the operator's request for each change of the rules, over the first two parts of its JWS. What it
says is the second part.

\`\`\`bash
signature() {
  jws=$(field "$1" "$2") signed=\${jws%.*}
  printf %s "$signed" > "$work/signed"
  bytes "\${jws##*.}" > "$work/raw"
  case $4 in
    ES256)
      r=$(head -c 32 "$work/raw" | od -An -v -tx1 | tr -d ' \\n') s=$(tail -c 32 "$work/raw" | od -An -v -tx1 | tr -d ' \\n')
      printf 'asn1=SEQUENCE:rs\\n[rs]\\nr=INTEGER:0x%s\\ns=INTEGER:0x%s\\n' "$r" "$s" > "$work/rs"
      openssl asn1parse -genconf "$work/rs" -noout -out "$work/der"
      openssl dgst -sha256 -verify "$3" -signature "$work/der" "$work/signed" > /dev/null ;;
    EdDSA) openssl pkeyutl -verify -pubin -inkey "$3" -rawin -in "$work/signed" -sigfile "$work/raw" > /dev/null ;;
    RS256) openssl dgst -sha256 -verify "$3" -signature "$work/raw" "$work/signed" > /dev/null ;;
    PS256) openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify "$3" -signature "$work/raw" "$work/signed" > /dev/null ;;
    *) return 1 ;;
  esac
  echo "$1: signed with $3"
  bytes "$(printf %s "$signed" | cut -d. -f2)"; echo
}
${[...requests, ...signatures].join('\n')}
rm -r "$work"
echo VERIFIED
\`\`\`
`
}

const number = (index: number) => String(index).padStart(12, '0')
