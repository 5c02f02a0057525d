{{- define "atoll.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "atoll.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "atoll.labels" -}}
{{ include "atoll.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "atoll.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}{{ default (include "atoll.fullname" .) .Values.serviceAccount.name }}{{- else -}}{{ default "default" .Values.serviceAccount.name }}{{- end -}}
{{- end -}}

{{/* The YAML that the region reads: what the chart knows, with region.spec over it, and a document per link. */}}
{{- define "atoll.config" -}}
{{- $host := default (printf "%s.%s.svc" (include "atoll.fullname" .) .Release.Namespace) .Values.region.advertiseHost -}}
{{- $kafka := dict "bind" (printf "0.0.0.0:%d" (int .Values.service.kafkaPort)) "advertise" (printf "%s:%d" $host (int .Values.service.kafkaPort)) -}}
{{- $admin := dict "bind" (printf "0.0.0.0:%d" (int .Values.service.adminPort)) -}}
{{- $control := dict "bind" (printf "0.0.0.0:%d" (int .Values.service.controlPort)) "advertise" (printf "%s:%d" $host (int .Values.service.controlPort)) -}}
{{- $own := dict "ordinal" (int .Values.region.ordinal) "dataDir" "/var/lib/atoll" "insecure" true "listeners" (dict "kafka" $kafka "admin" $admin "control" $control) -}}
{{- $spec := mergeOverwrite $own (deepCopy (default dict .Values.region.spec)) -}}
{{ toYaml (dict "apiVersion" "atoll/v1" "kind" "Region" "metadata" (dict "name" .Values.region.name) "spec" $spec) }}
{{- range $name, $link := .Values.links }}
---
{{ toYaml (dict "apiVersion" "atoll/v1" "kind" "Link" "metadata" (dict "name" $name) "spec" $link) }}
{{- end }}
{{- end -}}
