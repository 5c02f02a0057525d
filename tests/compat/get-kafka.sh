#!/usr/bin/env bash
# get-kafka.sh [DIR]: Apache Kafka's broker and tools as Maven artefacts in DIR (default build/kafka-jars), so that tests
# run the real console clients, kafka-topics, the dump tool and a real broker as a source. Prints DIR. Idempotent.
set -euo pipefail
version=${KAFKA_VERSION:-4.3.1}
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=${1:-$repo/build/kafka-jars}

if [ ! -e "$dir/.done-$version" ]; then
  command -v mvn >/dev/null || { echo "get-kafka.sh: mvn is missing; run deploy/install-deps.sh test" >&2; exit 1; }
  pom=$(mktemp -d)
  trap 'rm -rf "$pom"' EXIT
  dependency() { echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version></dependency>"; }
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>atoll.tests</groupId><artifactId>kafka</artifactId>'
    echo '<version>1</version><packaging>pom</packaging><dependencies>'
    dependency org.apache.kafka kafka_2.13 "$version"
    dependency org.apache.kafka kafka-tools "$version"
    dependency org.apache.logging.log4j log4j-slf4j-impl 2.25.4
    echo '</dependencies></project>'
  } >"$pom/pom.xml"
  rm -rf "$dir"
  mvn -q -B -Dstyle.color=never -f "$pom/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir" >&2
  touch "$dir/.done-$version"
fi
echo "$dir"
