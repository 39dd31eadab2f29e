internal import YAML

extension ConfigurationReader {
    func readReplicationServer() -> ReplicationServerConfiguration? {
        let host = root.string("worker_replication_host", expected: "a host name or an address")
        let port = root.integer("worker_replication_port", in: 1...65535)
        if !root.has("worker_replication_host") {
            missing("worker_replication_host", expected: "the address of the main process")
        }
        if !root.has("worker_replication_port") {
            missing(
                "worker_replication_port",
                expected: "the port of the main process's replication listener")
        }
        let isTLS = root.bool("worker_replication_tls") ?? false
        let authorities = path("worker_replication_ca_path")
        if let authorities, options.checksFiles, let reason = reasonUnreadable(authorities) {
            root.fail(
                "worker_replication_ca_path", "cannot be read: \(authorities): \(reason)",
                expected: "a readable PEM file")
        }
        if authorities != nil, !isTLS {
            root.fail(
                "worker_replication_ca_path", "stands there without TLS",
                expected: "worker_replication_tls: true beside it")
        }
        guard let host, let port else { return nil }
        return ReplicationServerConfiguration(
            host: host, port: UInt16(port), isTLS: isTLS, authoritiesPath: authorities)
    }

    func readReplication() -> ReplicationConfiguration {
        var replication = ReplicationConfiguration()
        if let node = root.node("replication_dialect") {
            if let name = node.string,
                let dialect = ReplicationConfiguration.Dialect(rawValue: name)
            {
                replication.dialect = dialect
            } else {
                root.mismatch("replication_dialect", node, expected: "classic or named")
            }
        }
        replication.secret = readReplicationSecret()
        replication.secretPath = path("worker_replication_secret_path")
        guard let path = replication.secretPath else { return replication }
        if replication.secret != nil {
            root.fail(
                "worker_replication_secret_path", "stands beside worker_replication_secret",
                expected: "one of them")
        } else if options.checksFiles, let reason = reasonUnreadable(path) {
            root.fail(
                "worker_replication_secret_path", "cannot be read: \(path): \(reason)",
                expected: "a readable file")
        }
        return replication
    }

    /// The secret travels as the rest of one line.
    private func readReplicationSecret() -> String? {
        guard let secret = root.text("worker_replication_secret") else { return nil }
        guard !secret.isEmpty, secret.utf8.count <= 1024,
            secret.unicodeScalars.allSatisfy({ $0.value >= 0x20 })
        else {
            root.fail(
                "worker_replication_secret", "is empty, too long or more than a line",
                expected: "one line of at most 1024 bytes")
            return nil
        }
        return secret
    }
}
