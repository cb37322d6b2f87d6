{{/* Labels of everything the chart installs. */}}
{{- define "penstock.labels" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Labels that select the operator's pods. */}}
{{- define "penstock.selector" -}}
app.kubernetes.io/name: penstock
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "penstock.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* Whether the operator serves custom.metrics.k8s.io: not when confined to namespaces, unless told to. */}}
{{- define "penstock.metricsApi" -}}
{{- if eq (toString .Values.metricsApi.enabled) "true" }}true{{ else if and (eq (toString .Values.metricsApi.enabled) "auto") (not .Values.watchNamespaces) }}true{{ end }}
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
- { apiGroups: [""], resources: [secrets], verbs: [get, create] } # by name only: no list, no watch
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
  name: {{ .root.Release.Name }}-operator-{{ .name }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: {{- trim .rules | nindent 6 }}
  matchConditions:
    - name: by-the-operator
      expression: request.userInfo.username == 'system:serviceaccount:{{ .root.Release.Namespace }}:{{ .root.Release.Name }}-operator'
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
  name: {{ .root.Release.Name }}-operator-{{ .name }}
  labels: {{- include "penstock.labels" .root | nindent 4 }}
spec:
  policyName: {{ .root.Release.Name }}-operator-{{ .name }}
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
