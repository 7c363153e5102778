#!/usr/bin/env bash
# Signs one call of POST /api/gateway (newer dialect) and sends it. Needs bash, curl and openssl.
#
#   APP_ID=… KEY=private-key.pem [URL=http://127.0.0.1:8686] ./gateway-request.sh API_CODE ['JSON' | -]
#
# The JSON is the parameters of the api code; - reads it from standard input; without it none are sent.
# SIGN_TYPE is RSA2 (SHA256withRSA, the default) or RSA (SHA1withRSA). SHOW=1 prints what is signed and sent.
# Prints the answer; the exit status is 0 for code 000, 1 for any other, 2 for a usage that is not understood.
set -euo pipefail

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit "$1"
}

if [[ ${1-} == -h || ${1-} == --help ]]; then usage 0; fi
if (($# < 1 || $# > 2)) || [[ -z ${APP_ID-} || -z ${KEY-} ]]; then usage 2; fi
case ${SIGN_TYPE:=RSA2} in
  RSA2) digest=-sha256 ;;
  RSA) digest=-sha1 ;;
  *) usage 2 ;;
esac

api_code=$1
request_content=${2-}
if [[ $request_content == - ]]; then request_content=$(cat); fi

# A JSON string of any text: quotation marks, backslashes and control characters are escaped, the rest stays as it is.
json_string() {
  local LC_ALL=C text=$1 out='' character i
  for ((i = 0; i < ${#text}; i++)); do
    character=${text:i:1}
    case $character in
      '"' | \\) out+=\\$character ;;
      $'\n') out+='\n' ;;
      $'\r') out+='\r' ;;
      $'\t') out+='\t' ;;
      [$'\x01'-$'\x1f']) printf -v character '\\u%04x' "'$character" && out+=$character ;;
      *) out+=$character ;;
    esac
  done
  printf '"%s"' "$out"
}

# 6 letters or digits, new for each request.
random=$(openssl rand -base64 48)
random=${random//[^A-Za-z0-9]/}
nonce=${random:0:6}
timestamp=$(date +%s)000

# What is signed: keys in byte order, k=v joined by &, nothing escaped; request_content exactly as it is sent.
signed="api_code=$api_code&app_id=$APP_ID&nonce=$nonce"
if [[ -n $request_content ]]; then signed+="&request_content=$request_content"; fi
signed+="&timestamp=$timestamp"
sign=$(printf '%s' "$signed" | openssl dgst "$digest" -sign "$KEY" | openssl base64 -A)

body="{\"app_id\":$(json_string "$APP_ID"),\"nonce\":\"$nonce\",\"timestamp\":\"$timestamp\",\"sign\":\"$sign\""
body+=",\"sign_type\":\"$SIGN_TYPE\",\"api_code\":$(json_string "$api_code")"
if [[ -n $request_content ]]; then body+=",\"request_content\":$(json_string "$request_content")"; fi
body+='}'
if [[ -n ${SHOW-} ]]; then printf 'signed: %s\nsent:   %s\n' "$signed" "$body" >&2; fi

answer=$(printf '%s' "$body" | curl --silent --show-error --max-time 60 \
  --header 'Content-Type: application/json; charset=utf-8' --data-binary @- \
  "${URL:-http://127.0.0.1:8686}/api/gateway")
printf '%s\n' "$answer"
[[ $answer =~ ^\{\"request_id\":\"[^\"]*\",\"code\":\"000\" ]]
