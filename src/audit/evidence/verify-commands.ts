// The commands of VERIFY.md, for bash 4, openssl 3 and the usual small tools. What they decide on they read out of the proved entries:
// nothing that the maker of a file wrote beside them counts.

/** What nobody changed since the file was made: all that follows reads these files. */
export const begin = `VKEY=\${VKEY:?put the vkey here}
OPERATOR=\${OPERATOR-}
set -euo pipefail
export LC_ALL=C
work=$(mktemp -d)
refuse() { echo "REFUSED: $1" >&2; exit 1; }
sha256sum --check --quiet SHA256SUMS
echo "no file was changed since this was made"
for file in blobs/*; do echo "\${file#blobs/}  $file"; done | sha256sum --check --quiet
echo "every file of the rules has the digest it is named by"`

/** 12 fixed bytes before the 32 bytes at the end of the vkey are a public key that openssl reads. */
export const logKey = `printf %s "\${VKEY#*+*+}" | openssl base64 -d -A > "$work/typed-key"
{ printf '\\x30\\x2a\\x30\\x05\\x06\\x03\\x2b\\x65\\x70\\x03\\x21\\x00'; tail -c 32 "$work/typed-key"; } > "$work/log.der"`

/** The root that a proof leads to, from the entry's hash up; `$sn` is 0 where the proof has as many hashes as it must. */
export const wayToRoot = `  { printf '\\x00'; cat "\${1%.tlog-proof}.entry"; } | openssl dgst -sha256 -binary > "$work/hash"
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
  done < <(sed -n '/^index /,/^$/p' "$1" | sed '1d;$d')`

/** The checkpoint’s signature, then the way from the entry to its root. */
export const receipts = `receipt() {
  sed '1,/^$/d' "$1" > "$work/checkpoint"
  sed '/^$/,$d' "$work/checkpoint" > "$work/text"
  sed -n "s|^— \${VKEY%%+*} ||p" "$work/checkpoint" | head -n 1 | openssl base64 -d -A | tail -c +5 > "$work/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/log.der" -rawin -in "$work/text" -sigfile "$work/signature" > /dev/null
  index=$(sed -n 's/^index //p' "$1") size=$(sed -n 2p "$work/text")
  [ "$(basename "$1" .tlog-proof)" = "$(printf %012d "$index")" ]
${wayToRoot}
  [ "$sn" = 0 ]
  [ "$(openssl base64 -A < "$work/hash")" = "$(sed -n 3p "$work/text")" ]
  echo "$1: the log of $size entries has it at index $index"
}`

/** A member of a JSON object by its name, or each item of a list; fails for what is no JSON, has the member twice, or not at all. */
export const json = `json() {
  awk -v wanted="$1" '
    function take() {
      if (name ~ /\\\\/) exit bad = 1
      if (name == "\\"" wanted "\\"") { found++; result = value }
      if (wanted == "[]" && value != "") print value
      name = value = ""
    }
    {
      for (rest = $0; rest != ""; rest = substr(rest, size + 1)) {
        size = match(rest, /^"[^"\\\\]*(\\\\.[^"\\\\]*)*"/) || match(rest, /^[^][{},:" \\t\\r]+/) || match(rest, /^[ \\t\\r]+/) ? RLENGTH : 1
        token = substr(rest, 1, size)
        if (token ~ /^[ \\t\\r]/) continue
        if (depth == 0 && (opened++ || token != (wanted == "[]" ? "[" : "{"))) exit bad = 1
        if (token ~ /^[]}]/) depth--
        if (depth == 1 && token == ":") { name = value; value = "" }
        else if (depth == 0 && token ~ /^[]}]/ || depth == 1 && token == ",") take()
        else if (depth > 0) value = value token
        if (token ~ /^[[{]/) depth++
      }
    }
    END {
      if (bad || depth != 0 || wanted != "[]" && found != 1) exit 1
      if (result ~ /^"/) result = substr(result, 2, length(result) - 2)
      gsub(/\\\\\\//, "/", result)
      printf "%s", result
    }'
}`

/** A key as PEM, and its thumbprint, out of its JWK. */
export const publicKeys = `bytes() { printf %s "$1" | tr '_-' '/+' | sed -e 's/^\\(\\(....\\)*\\)\\(..\\)$/\\1\\3==/' -e 's/^\\(\\(....\\)*\\)\\(...\\)$/\\1\\3=/' | openssl base64 -d -A; }
hex() { bytes "$1" | od -An -v -tx1 | tr -d ' \\n'; }
public_key() {
  case $(json kty <<< "$1")-$(json alg <<< "$1") in
    EC-ES256) { printf '\\x30\\x59\\x30\\x13\\x06\\x07\\x2a\\x86\\x48\\xce\\x3d\\x02\\x01\\x06\\x08\\x2a\\x86\\x48\\xce\\x3d\\x03\\x01\\x07\\x03\\x42\\x00\\x04'; bytes "$(json x <<< "$1")"; bytes "$(json y <<< "$1")"; } | openssl pkey -pubin -inform DER ;;
    OKP-EdDSA) { printf '\\x30\\x2a\\x30\\x05\\x06\\x03\\x2b\\x65\\x70\\x03\\x21\\x00'; bytes "$(json x <<< "$1")"; } | openssl pkey -pubin -inform DER ;;
    RSA-RS256 | RSA-PS256)
      printf 'asn1=SEQUENCE:key\\n[key]\\nn=INTEGER:0x%s\\ne=INTEGER:0x%s\\n' "$(hex "$(json n <<< "$1")")" "$(hex "$(json e <<< "$1")")" > "$work/rsa"
      openssl asn1parse -genconf "$work/rsa" -noout -out "$work/rsa.der"
      openssl rsa -RSAPublicKey_in -inform DER -in "$work/rsa.der" -pubout 2> "$work/openssl" ;;
    *) refuse "a key of a kind that nobody may sign with" ;;
  esac
}
thumbprint() {
  case $(json kty <<< "$1") in
    EC) printf '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' "$(json x <<< "$1")" "$(json y <<< "$1")" ;;
    OKP) printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$(json x <<< "$1")" ;;
    RSA) printf '{"e":"%s","kty":"RSA","n":"%s"}' "$(json e <<< "$1")" "$(json n <<< "$1")" ;;
  esac | openssl dgst -sha256 -binary | openssl base64 -A | tr '/+' '_-' | tr -d =
}`

/** A JWS by a key that is in force. */
export const signatures = `declare -A pem=() algorithm=() party=()
signature() {
  case $1 in *[!A-Za-z0-9_.-]* | *.*.*.*) refuse "what should be a JWS is none" ;; *.*.*) ;; *) refuse "what should be a JWS is none" ;; esac
  local signed=\${1%.*} header
  header=$(bytes "\${signed%.*}")
  bytes "\${signed#*.}" > "$work/said"
  bytes "\${1##*.}" > "$work/raw"
  printf %s "$signed" > "$work/signed"
  by=$(json kid <<< "$header")
  local key=\${pem["kid $by"]-} alg=\${algorithm["kid $by"]-}
  [ -n "$key" ] || refuse "$entry: signed with $by, which is no key in force there"
  [ "$(json typ <<< "$header")" = "$2" ] || refuse "$entry: a signature that was made for something else than $2"
  [ "$(json alg <<< "$header")" = "$alg" ] || refuse "$entry: $by signs with $alg"
  case $alg in
    ES256)
      [ "$(wc -c < "$work/raw")" -eq 64 ] || refuse "$entry: the signature by $by is not good"
      printf 'asn1=SEQUENCE:rs\\n[rs]\\nr=INTEGER:0x%s\\ns=INTEGER:0x%s\\n' "$(head -c 32 "$work/raw" | od -An -v -tx1 | tr -d ' \\n')" "$(tail -c 32 "$work/raw" | od -An -v -tx1 | tr -d ' \\n')" > "$work/rs"
      openssl asn1parse -genconf "$work/rs" -noout -out "$work/der"
      openssl dgst -sha256 -verify "$key" -signature "$work/der" "$work/signed" ;;
    EdDSA) openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/signed" -sigfile "$work/raw" ;;
    RS256) openssl dgst -sha256 -verify "$key" -signature "$work/raw" "$work/signed" ;;
    PS256) openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify "$key" -signature "$work/raw" "$work/signed" ;;
  esac > "$work/openssl" 2>&1 || refuse "$entry: the signature by $by is not good"
}
says() { [ "$(json "$1" < "$work/said")" = "$2" ] || refuse "$entry: what $by signed does not say $1 $2"; }`

/** What an entry of each kind must show before it counts. */
export const changes = `operators=" "
is_operator() { case $operators in *" $1 "*) ;; *) return 1 ;; esac; }
holds_key() {
  local kid
  for kid in "\${!pem[@]}"; do [ "\${party["$kid"]}" != "$1" ] || [ -z "\${pem["$kid"]}" ] || return 0; done
  return 1
}
catalogue() {
  local files digest parties item
  files=$(json files < "$entry")
  if [ "$entry" != catalogues/000000000000.entry ]; then
    signature "$(json request < "$entry")" operation+jws
    is_operator "\${party["kid $by"]}" || refuse "$entry: $by is no operator's key"
    says action apply-catalogue; says log "$log"; says files "$files"
    echo "$entry: asked for with the key $by of \${party["kid $by"]}"
  fi
  digest=$(json catalogue.json <<< "$files")
  case $digest in *[!0-9a-f]*) refuse "$entry: no digest" ;; esac
  parties=$(json parties < "blobs/$digest")
  parties=$(json '[]' <<< "$parties")
  operators=" "
  while read -r item; do [ "$(json role <<< "$item")" != operator ] || operators="$operators$(json id <<< "$item") "; done <<< "$parties"
}
registration() {
  local kid who jwk print voucher first=
  kid=$(json kid < "$entry"); who=$(json party < "$entry"); jwk=$(json jwk < "$entry"); print=$(thumbprint "$jwk")
  public_key "$jwk" | cmp - "\${entry%entry}pem" || refuse "$entry: the .pem beside it is another key"
  [ -z "\${party["kid $kid"]-}\${party["key $print"]-}" ] || refuse "$entry: $kid was registered before"
  [ \${#pem[@]} != 0 ] || first=yes
  local had=
  if holds_key "$who"; then had=yes; fi
  pem["kid $kid"]=\${entry%entry}pem algorithm["kid $kid"]=$(json alg <<< "$jwk") party["kid $kid"]=$who
  signature "$(json proof < "$entry")" key-proof+jws
  [ "$by" = "$kid" ] || refuse "$entry: another key than $kid signed for it"
  says action register; says party "$who"; says kid "$kid"; says log "$log"
  [ "$(thumbprint "$(json jwk < "$work/said")")" = "$print" ] || refuse "$entry: $kid signed for another key"
  voucher=$(json vouchedBy < "$work/said")
  signature "$(json voucher < "$work/said")" key-voucher+jws
  says action register; says party "$who"; says kid "$kid"; says log "$log"; says thumbprint "$print"
  [ "$by" = "$voucher" ] || refuse "$entry: $by vouches for it, not $voucher"
  if [ -n "$first" ]; then
    is_operator "$who" || refuse "$entry: the first key is not an operator's"
    [ -z "$OPERATOR" ] || [ "$OPERATOR" = "$print" ] || refuse "$entry: the operator's key is $print"
    echo "$entry: all keys stand on $print, the operator's; compare it with what you were told"
  elif [ "$by" = "$kid" ]; then refuse "$entry: $kid vouches for itself"
  elif [ "\${party["kid $by"]}" != "$who" ]; then
    is_operator "\${party["kid $by"]}" || refuse "$entry: \${party["kid $by"]} may not vouch for a key of $who"
    [ -z "$had" ] || refuse "$entry: $who has a key in force, which must vouch for the next"
  fi
  party["key $print"]=$who
  echo "$entry: the key $kid of $who, vouched for with $by of \${party["kid $by"]}"
}
revocation() {
  local kid who
  kid=$(json kid < "$entry"); who=$(json party < "$entry")
  signature "$(json proof < "$entry")" key-revocation+jws
  says action revoke; says party "$who"; says kid "$kid"; says log "$log"
  [ "\${party["kid $by"]}" = "$who" ] || is_operator "\${party["kid $by"]}" || refuse "$entry: \${party["kid $by"]} may not revoke a key of $who"
  [ "\${party["kid $kid"]-}" = "$who" ] && [ -n "\${pem["kid $kid"]}" ] || refuse "$entry: $kid is no key in force of $who"
  pem["kid $kid"]=
  echo "$entry: the key $kid of $who is revoked with $by of \${party["kid $by"]}"
}
event() {
  signature "$(json jws < "$entry")" event+jws
  says source "/bureaus/\${party["kid $by"]}"; says subject "$subject"
  echo "$entry: signed with the key $by of \${party["kid $by"]}"
  cat "$work/said"; echo
}`

/** Every entry in the order of the log. */
export const eachEntry = `log=\${VKEY%%+*}
[ -e catalogues/000000000000.entry ] || refuse "the catalogue at index 0 is missing"
[ -e keys/000000000001.entry ] || refuse "the first operator's key at index 1 is missing"
for entry in $(printf '%s\\n' {catalogues,keys,events}/*.entry | sort -t / -k 2); do
  receipt "\${entry%.entry}.tlog-proof"
  case \${entry%/*}-$(json kind < "$entry") in
    catalogues-catalogue) catalogue ;;
    keys-key)
      case $(json action < "$entry") in
        register) registration ;;
        revoke) revocation ;;
        *) refuse "$entry: neither registers nor revokes a key" ;;
      esac ;;
    events-event) event ;;
    *) refuse "$entry: it is not what it is filed as" ;;
  esac
done
rm -r "$work"
echo VERIFIED`
