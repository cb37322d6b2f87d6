{{/* Labels of everything the chart installs. */}}
{{- define "penstock.labels" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Prefix of the names of all objects. */}}
{{- define "penstock.fullname" -}}
{{- .Values.fullnameOverride | default (list .Release.Name .Values.nameOverride | compact | join "-") }}
{{- end }}

{{/* Labels that select the operator's pods. */}}
{{- define "penstock.selector" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "penstock.image" -}}
{{- $registry := (.root.Values.global).imageRegistry | default .image.registry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .image.repository }}{{ if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The images for scripts in Python by version, as JSON. Without a tag: the chart's version of it. */}}
{{- define "penstock.pythonImages" -}}
{{- $images := dict -}}
{{- range $version, $image := .Values.python.images -}}
{{- $tag := $image.tag | default (printf "%s-%s" $version $.Chart.AppVersion) -}}
{{- $_ := set $images $version (include "penstock.image" (dict "image" (merge (dict "tag" $tag) $image) "root" $)) -}}
{{- end -}}
{{- toJson $images -}}
{{- end }}

{{/* Names of the pull Secrets, as a comma-separated list. Both usual forms are taken: a name, and an object with a name. */}}
{{- define "penstock.pullSecrets" -}}
{{- $names := list -}}
{{- range concat (.Values.imagePullSecrets | default list) ((.Values.global).imagePullSecrets | default list) -}}
{{- $names = append $names (kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") .) -}}
{{- end -}}
{{- join "," (uniq $names) -}}
{{- end }}

{{/* What the pods of the operator and the activator have in common: root, values of the program, its selector, and its environment. */}}
{{- define "penstock.podTemplate" -}}
metadata:
  labels: {{- include .selector .root | nindent 4 }}
    {{- with merge (dict) (.program.podLabels | default dict) (.root.Values.commonLabels | default dict) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .program.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Where such a pod runs, and its access to images. */}}
{{- define "penstock.podPlacement" -}}
{{- include "penstock.imagePullSecrets" .root }}
topologySpreadConstraints:
{{- range .program.topologySpreadConstraints | default (list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")) }}
  - {{ toYaml . | nindent 4 | trim }}
    {{- if not .labelSelector }}
    labelSelector:
      matchLabels: {{- include $.selector $.root | nindent 8 }}
    {{- end }}
{{- end }}
{{- with .program.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .program.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "penstock.imagePullSecrets" -}}
{{- with include "penstock.pullSecrets" . }}
imagePullSecrets:
{{- range splitList "," . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* A PodDisruptionBudget of one pod at a time, and a ServiceAccount, for a program with its name. */}}
{{- define "penstock.programObjects" -}}
{{- if gt (int .replicas) 1 }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include .selector .root | nindent 6 }}
---
{{- end }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
  {{- with (.program.serviceAccount).annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Whether the operator serves custom.metrics.k8s.io: not when confined to namespaces, unless told to. */}}
{{- define "penstock.metricsApi" -}}
{{- if eq (toString .Values.metricsApi.enabled) "true" }}true{{ else if and (eq (toString .Values.metricsApi.enabled) "auto") (not .Values.watchNamespaces) }}true{{ end }}
{{- end }}

{{/* Whether pods get ids of user and group: unless the value is false. */}}
{{- define "penstock.assignUser" -}}
{{- ne (toString (.Values.podSecurity).assignUser) "false" }}
{{- end }}

{{/* The security of the chart's own pods, which a program may add to; that of its containers. */}}
{{- define "penstock.podSecurityContext" -}}
{{- $ids := ternary (dict "runAsUser" 65532 "runAsGroup" 65532) dict (eq (include "penstock.assignUser" .root) "true") -}}
{{- toYaml (mergeOverwrite (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) $ids (.program.podSecurityContext | default dict)) }}
{{- end }}
{{- define "penstock.securityContext" -}}
{{- toYaml (mergeOverwrite (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) (.program.securityContext | default dict)) }}
{{- end }}

{{/* The settings of verification Jobs, in the form of spec.verification of a ModelVersion. */}}
{{- define "penstock.verification" -}}
{{- with .Values.verification }}
{{- $settings := dict "podMetadata" (dict "labels" .podLabels "annotations" .podAnnotations) "resources" (.resources | default dict) }}
{{- with .nodeSelector }}{{ $_ := set $settings "nodeSelector" . }}{{ end }}
{{- with .tolerations }}{{ $_ := set $settings "tolerations" . }}{{ end }}
{{- with .serviceAccountName }}{{ $_ := set $settings "serviceAccountName" . }}{{ end }}
{{- toJson $settings }}
{{- else }}{}
{{- end }}
{{- end }}

{{/* Annotations of what helm uninstall runs first, in order of the weight that is handed in. */}}
{{- define "penstock.withdrawHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* Labels that select the activator's pods; the operator finds them by name and component. */}}
{{- define "penstock.activatorSelector" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: activator
{{- end }}

{{/* What the activator does in the namespaces that are watched. */}}
{{- define "penstock.activatorRules" -}}
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch] }
- { apiGroups: [penstock.dev], resources: [inferencepipelines], verbs: [get] }
- { apiGroups: [apps], resources: [deployments/scale], verbs: [patch] } # fenced by a ValidatingAdmissionPolicy: from 0 to 1, of pipelines
{{- end }}

{{/* What the operator does in the namespaces it watches: exactly the verbs it calls. */}}
{{- define "penstock.rules" -}}
- { apiGroups: [penstock.dev], resources: [inferencepipelines, modelversions], verbs: [get, list, watch] }
- { apiGroups: [penstock.dev], resources: [inferencepipelines/status, modelversions/status], verbs: [patch] }
- { apiGroups: [""], resources: [configmaps, services], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [""], resources: [secrets], verbs: [get, create, patch] } # by name only: no list, no watch; a ValidatingAdmissionPolicy lets patches change owner references only
{{- if .Values.python.cacheClaim }}
- { apiGroups: [""], resources: [persistentvolumeclaims], verbs: [get] } # whether a namespace has python.cacheClaim
{{- end }}
- { apiGroups: [""], resources: [pods], verbs: [list, watch, patch] } # patch is fenced to one annotation by a ValidatingAdmissionPolicy
- { apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [apps], resources: [deployments/scale], verbs: [patch] }
- { apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [batch], resources: [jobs], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [events.k8s.io], resources: [events], verbs: [create, list] }
{{- end }}

{{/* A ValidatingAdmissionPolicy on what the operator's account writes, and its binding: name, rules (YAML), unless (CEL, may be left out), validations (expression, message). */}}
{{- define "penstock.operatorPolicy" }}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ include "penstock.fullname" .root }}-operator-{{ .name }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: {{- trim .rules | nindent 6 }}
  matchConditions:
    - name: by-the-operator
      expression: request.userInfo.username == 'system:serviceaccount:{{ .root.Release.Namespace }}:{{ include "penstock.fullname" .root }}-operator'
    {{- with .unless }}
    - name: something-changes
      expression: "!({{ . }})"
    {{- end }}
  validations:
    {{- range .validations }}
    - expression: {{ .expression | quote }}
      message: {{ .message | quote }}
    {{- end }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "penstock.fullname" .root }}-operator-{{ .name }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  policyName: {{ include "penstock.fullname" .root }}-operator-{{ .name }}
  validationActions: [Deny]
{{- end }}

{{/* Peers of a NetworkPolicy that may read health and metrics. */}}
{{- define "penstock.metricsPeers" -}}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Release.Namespace }} } }
{{- range .Values.networkPolicy.metricsFrom }}
- {{ toJson . }}
{{- end }}
{{- end }}

{{/* Resource rules of an admission policy for every kind of child; the operations are handed in. */}}
{{- define "penstock.childRules" -}}
- { apiGroups: [""], apiVersions: [v1], operations: [{{ . }}], resources: [configmaps, services] }
- { apiGroups: [apps], apiVersions: [v1], operations: [{{ . }}], resources: [deployments] }
- { apiGroups: [batch], apiVersions: [v1], operations: [{{ . }}], resources: [jobs] }
- { apiGroups: [autoscaling], apiVersions: ["*"], operations: [{{ . }}], resources: [horizontalpodautoscalers] }
- { apiGroups: [policy], apiVersions: ["*"], operations: [{{ . }}], resources: [poddisruptionbudgets] }
- { apiGroups: [networking.k8s.io], apiVersions: ["*"], operations: [{{ . }}], resources: [networkpolicies] }
- { apiGroups: [discovery.k8s.io], apiVersions: ["*"], operations: [{{ . }}], resources: [endpointslices] }
{{- end }}
