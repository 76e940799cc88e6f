// What the second edition of VERIFY.md has in place of commands of the first: where a check does not hold it says so, and which.

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
  [ "$sn" = 0 ] && [ "$(openssl base64 -A < "$work/hash")" = "$(sed -n 3p "$work/text")" ] ||
    refuse "$1: the log of $size entries does not have this entry at index $index"
  echo "$1: the log of $size entries has it at index $index"
}`
