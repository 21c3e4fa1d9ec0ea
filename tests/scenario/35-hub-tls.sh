#!/usr/bin/env bash
# Goal: a hub speaks TLS with a certificate of its own making or one that it is
# given, and nobody who checks it is fooled.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "TLS"
user ann
serve --dev-tls
like "it serves https" "$hub_url" '^https://127\.0\.0\.1:'
ca=$(sed -n 's/.*"ca_file": *"\([^"]*\)".*/\1/p' "$T/hub.out")
is "the certificate is where it says" "$ca" "$hub_data/tls/cert.pem"
is "its key is ours alone" "$(stat -c %a "$hub_data/tls/key.pem")" 600
port=${hub_url##*:}
as=(--cacert "$ca")
answers "curl trusts it" 200 /api/health
for name in localhost 127.0.0.1; do
	is "as $name" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" \
		--connect-to "$name:443:127.0.0.1:$port" "https://$name/api/health")" 200
done
is "through the environment" "$(env -u CURL_CA_BUNDLE -u SSL_CERT_DIR SSL_CERT_FILE="$ca" curl -s -o /dev/null -w '%{http_code}' "$hub_url/api/health")" 200
exits "not under another name" 60 curl -sS --cacert "$ca" \
	--connect-to "hub.example.org:443:127.0.0.1:$port" https://hub.example.org/api/health
as=()
exits "not without being told" 60 curl -sS "$hub_url/api/health"
exits "not with TLS 1.1" 35 curl -sS --cacert "$ca" --tls-max 1.1 "$hub_url/api/health"
is "nor in plain" "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/api/health")" 000

as=(--cacert "$ca")
token ann
with "$access"
as+=(--cacert "$ca")
events 1 1000 | gzip >"$T/batch.gz"
answers "a packed batch" 200 -H 'Content-Encoding: gzip' --data-binary "@$T/batch.gz" /api/v1/events/batch/
is "is taken" "$(statuses)" "success 1000"
answers "a pull" 200 --compressed /api/v1/events/
is "gives it back" "$(json 'len(d["events"])')" 1000
print=$(sha256sum "$ca" "$hub_data/tls/key.pem")
stop_hub
serve --dev-tls
is "the next start keeps the pair" "$(sha256sum "$ca" "$hub_data/tls/key.pem")" "$print"
answers "so those who trusted it still do" 200 /api/v1/me
stop_hub

# --- a pair that somebody else made
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hub.test \
	-addext subjectAltName=DNS:hub.test -keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
chmod 600 "$T/key.pem"
serve --tls-cert "$T/cert.pem" --tls-key "$T/key.pem"
port=${hub_url##*:}
is "is used" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$T/cert.pem" \
	--connect-to "hub.test:443:127.0.0.1:$port" https://hub.test/api/health)" 200
stop_hub
exits "a key that does not fit" 1 "$CLOWDER" hub serve --data "$hub_data" --listen 127.0.0.1:0 \
	--tls-cert "$T/cert.pem" --tls-key "$hub_data/tls/key.pem"
like "is refused" "$err" 'TLS'
exits "a file that is no certificate" 1 "$CLOWDER" hub serve --data "$hub_data" --listen 127.0.0.1:0 \
	--tls-cert "$T/key.pem" --tls-key "$T/key.pem"
like "as well" "$err" 'key\.pem'
done_testing
