#!/usr/bin/env bash
# Fuzzes each parser of octets from outside, one after the other, under a small heap:
#   gateway/src/test/fuzz.sh [SECONDS [TestClass ...]]
# SECONDS are for each class, 600 unless told. Ends by itself; its status is not 0 when something was found, and the input
# is then beside the seeds in src/test/resources, where it goes on as a regression test. Corpora are kept in
# gateway/.cifuzz-corpus. Figures of each run are printed at its end: executions, branches (cov), the heap that was live
# after the first minute and at the end, when it may not be larger by more than a few megabytes.
set -uo pipefail
cd "$(dirname "$0")/../../.."
seconds=${1:-600}
shift || true
classes=("$@")
if [ $# -eq 0 ]; then
  classes=(SmtpClientSessionFuzzTest DnsAnswerFuzzTest RequestReaderFuzzTest TemplateFuzzTest ProxyHeaderFuzzTest
    TlsRecordsFuzzTest)
fi
heap=${PENSTOCK_FUZZ_HEAP:-256m}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for class in "${classes[@]}"; do
  if JAZZER_FUZZ=1 ./mvnw -B -pl gateway test -Dtest="$class" -Dtest.heap="$heap" \
    -Djazzer.internal.arg.0=fuzz -Djazzer.internal.arg.1=-max_total_time="$seconds" >"$log" 2>&1; then
    verdict="nothing found"
  else
    verdict="FOUND SOMETHING"
    failed=1
    grep -E '^== |Error|Exception|^Base64:|Test unit written' "$log" | head -n 20
  fi
  echo "$class: $verdict"
  grep -E 'DONE +cov:|event=fuzzed' "$log" | sed 's/^/  /'
done
exit $failed
