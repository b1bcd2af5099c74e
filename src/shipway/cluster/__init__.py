"""The API of Kubernetes clusters: who we are, where they are, and objects read, changed and watched."""
