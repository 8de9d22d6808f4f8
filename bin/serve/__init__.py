"""What other programs ask over HTTP: load balancers and Kubernetes whether all is well, Prometheus for figures."""
