internal import YAML

extension ConfigurationReader {
    /// The certificate's files, which some listener must need; nil where none does.
    func readTLS(for listeners: [ListenerConfiguration]) -> TLSFiles? {
        let certificate = path("tls_certificate_path")
        let key = path("tls_private_key_path")
        guard listeners.contains(where: \.isTLS) else { return nil }
        let named = [("tls_certificate_path", certificate), ("tls_private_key_path", key)]
        for (name, path) in named {
            guard let path else {
                // What is there and no path has been reported as that.
                if root.has(name) { continue }
                root.fail(
                    name, "is missing while a listener has tls: true", expected: "a PEM file",
                    near: root.has("listeners") ? "listeners" : "worker_listeners")
                continue
            }
            if options.checksFiles, let reason = reasonUnreadable(path) {
                root.fail(name, "cannot be read: \(path): \(reason)", expected: "a readable file")
            }
        }
        guard let certificate, let key else { return nil }
        return TLSFiles(certificatePath: certificate, privateKeyPath: key)
    }
}
