// What the second edition of VERIFY.md has in place of commands of the first: where a check does not hold it says so, and which.

import { wayToRoot } from './verify-commands.ts'

export const begin = `VKEY=\${VKEY:?put the vkey here}
OPERATOR=\${OPERATOR-}
set -euo pipefail
export LC_ALL=C
work=$(mktemp -d)
refuse() { echo "REFUSED: $1" >&2; : > "$work/refused"; exit 1; }
trap '[ $? = 0 ] || [ -e "$work/refused" ] || echo "REFUSED: what was read last is not what it has to be" >&2' EXIT
sha256sum --check --quiet SHA256SUMS || refuse "a file was changed since this was made"
echo "no file was changed since this was made"
for file in blobs/*; do echo "\${file#blobs/}  $file"; done | sha256sum --check --quiet || refuse "a file of the rules has another digest than it is named by"
echo "every file of the rules has the digest it is named by"`

/** The checkpoint’s signature, then the way from the entry to its root. */
export const receipts = `receipt() {
  sed '1,/^$/d' "$1" > "$work/checkpoint"
  sed '/^$/,$d' "$work/checkpoint" > "$work/text"
  sed -n "s|^— \${VKEY%%+*} ||p" "$work/checkpoint" | head -n 1 | openssl base64 -d -A | tail -c +5 > "$work/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/log.der" -rawin -in "$work/text" -sigfile "$work/signature" > "$work/openssl" 2>&1 ||
    refuse "$1: its checkpoint is not signed with the key of this vkey"
  index=$(sed -n 's/^index //p' "$1") size=$(sed -n 2p "$work/text")
  [ "$(basename "$1" .tlog-proof)" = "$(printf %012d "$index")" ] || refuse "$1: it is of the entry at index $index"
${wayToRoot}
  [ "$sn" = 0 ] && [ "$(openssl base64 -A < "$work/hash")" = "$(sed -n 3p "$work/text")" ] ||
    refuse "$1: the log of $size entries does not have this entry at index $index"
  echo "$1: the log of $size entries has it at index $index"
}`
