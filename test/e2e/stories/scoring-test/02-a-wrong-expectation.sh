kubectl patch ipl iris --type=merge -p '{"spec": {"scoring": {"test": {"expect": "{\"label\": [2]}"}}}}'
