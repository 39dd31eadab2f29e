internal import YAML

extension ConfigurationReader {
    /// The listeners of this process; for a worker those of `worker_listeners`.
    func readListeners(role: WorkerRole) -> [ListenerConfiguration] {
        let key = role == .homeserver ? "listeners" : "worker_listeners"
        guard let node = root.node(key) else {
            if role == .homeserver { missing(key, expected: "a list of listeners") }
            return []
        }
        guard let elements = node.sequence else {
            root.mismatch(key, node, expected: "a list of listeners")
            return []
        }
        var listeners: [ListenerConfiguration] = []
        for (index, element) in elements.enumerated() {
            guard let section = root.section(of: element, named: "\(key)[\(index)]") else {
                continue
            }
            if let listener = readListener(section, role: role) { listeners.append(listener) }
            section.reportUnknownKeys()
        }
        reportConflicts(listeners, key: key)
        return listeners
    }

    private func readListener(_ section: Section, role: WorkerRole) -> ListenerConfiguration? {
        let kind = readKind(section, role: role)
        let addresses = readAddresses(section, kind)
        let tag = section.text("tag")
        let isBehindProxy = section.bool("x_forwarded") ?? false
        let resources = readResources(section, role: role)
        let isTLS = section.bool("tls") == true && mayHaveTLS(section)
        section.ignore(["additional_resources", "request_id_header"])
        guard let kind else { return nil }
        if kind == .http && resources.isEmpty && !section.has("resources") {
            section.warn("resources", "is missing, so the listener has nothing to serve")
        }
        if kind == .replication { warnIfPublic(addresses, isTLS: isTLS, section) }
        return ListenerConfiguration(
            kind: kind, addresses: addresses, tag: tag ?? addresses.first?.defaultTag ?? "",
            isTLS: isTLS, isBehindProxy: isBehindProxy,
            resources: kind == .metrics ? [.init(names: [.metrics])] : resources,
            position: section.position)
    }

    private func mayHaveTLS(_ section: Section) -> Bool {
        guard section.has("path") else { return true }
        section.fail("tls", "is not served on a Unix socket", expected: "false")
        return false
    }

    private func readKind(_ section: Section, role: WorkerRole) -> ListenerConfiguration.Kind? {
        let expected =
            role == .homeserver ? "one of http, replication, metrics" : "one of http, metrics"
        guard let node = section.node("type") else {
            section.fail("type", "is missing", expected: expected)
            return nil
        }
        if node.string == "manhole" {
            section.warn("type", "manhole is not served by Beamline, the listener is left out")
            return nil
        }
        guard let name = node.string, let kind = ListenerConfiguration.Kind(rawValue: name),
            role == .homeserver || kind != .replication
        else {
            section.mismatch("type", node, expected: expected)
            return nil
        }
        return kind
    }

    private func readAddresses(
        _ section: Section, _ kind: ListenerConfiguration.Kind?
    ) -> [ListenAddress] {
        if let path = section.string("path", expected: "a path") {
            for key in ["port", "bind_address", "bind_addresses"] where section.node(key) != nil {
                section.fail(key, "stands beside path", expected: "either a port or a path")
            }
            // sockaddr_un has room for 107 bytes and a zero.
            if files.absolute(path).utf8.count > 107 {
                section.fail("path", "is too long for a socket", expected: "at most 107 bytes")
            }
            return [.unix(path: files.absolute(path), mode: readMode(section))]
        }
        guard section.has("port") else {
            section.fail("port", "is missing", expected: "a port, or a path for a Unix socket")
            return []
        }
        var hosts: [String] = []
        if let host = section.text("bind_address", expected: "an address") {
            checkHost(host, key: "bind_address", section)
            hosts.append(host)
        }
        for (host, _) in section.strings("bind_addresses", expected: "a list of addresses") ?? [] {
            checkHost(host, key: "bind_addresses", section)
            hosts.append(host)
        }
        guard let port = section.port("port") else { return [] }
        // Whoever reaches replication sees everything, so it is not opened to others unasked.
        if hosts.isEmpty { hosts = [kind == .replication ? "127.0.0.1" : ""] }
        return hosts.map { .tcp(host: $0, port: port) }
    }

    private func checkHost(_ host: String, key: String, _ section: Section) {
        let isPlausible =
            host.utf8.count <= 255
            && host.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || ".:-_%".contains($0))
            }
        guard !isPlausible else { return }
        section.fail(
            key, "\(quotedScalar(host)) is not an address", expected: "such as 127.0.0.1 or ::1")
    }

    private func readMode(_ section: Section) -> UInt32? {
        guard let node = section.node("mode") else { return nil }
        let text = node.text
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
        if let mode = UInt32(digits, radix: 8), mode <= 0o777 { return mode }
        section.mismatch("mode", node, expected: "permissions such as \"0o660\"")
        return nil
    }

    private func readResources(
        _ section: Section, role: WorkerRole
    ) -> [ListenerConfiguration.Resource] {
        guard let node = section.node("resources") else { return [] }
        let expected = "a list such as - names: [client]"
        guard let elements = node.sequence else {
            section.mismatch("resources", node, expected: expected)
            return []
        }
        var resources: [ListenerConfiguration.Resource] = []
        for (index, element) in elements.enumerated() {
            let key = "resources[\(index)]"
            guard let entry = section.section(of: element, named: key, expected: expected) else {
                continue
            }
            let compress = entry.bool("compress") ?? false
            if !entry.has("names") {
                entry.fail("names", "is missing", expected: "a list of resources")
            }
            var names: [ResourceName] = []
            for (text, node) in entry.strings("names", expected: "a list of resources") ?? [] {
                readResourceName(text, node, entry, role: role).map { names.append($0) }
            }
            entry.reportUnknownKeys()
            resources.append(.init(names: names, compress: compress))
        }
        return resources
    }

    private func readResourceName(
        _ text: String, _ node: Node, _ entry: Section, role: WorkerRole
    ) -> ResourceName? {
        let key = entry.name("names")
        if let name = ResourceName(rawValue: text) {
            if !role.resources.contains(name) {
                entry.report.add(
                    .warning, at: node.position, key: key,
                    "\(role.appName) has nothing to serve for \(text)")
            }
            return name
        }
        if KnownKeys.unservedResources.contains(text) {
            entry.report.add(
                .info, at: node.position, key: key, "\(text) is not served by Beamline")
            return nil
        }
        let names = ResourceName.allCases.map(\.rawValue)
        let hint = closest(to: text, among: names).map { " (did you mean \($0)?)" } ?? ""
        entry.mismatch(
            "names", node, expected: "one of \(names.joined(separator: ", "))\(hint)")
        return nil
    }

    /// The replication protocol of old knows neither passwords nor encryption.
    private func warnIfPublic(_ addresses: [ListenAddress], isTLS: Bool, _ section: Section) {
        let hasSecret =
            root.has("worker_replication_secret") || root.has("worker_replication_secret_path")
        guard !hasSecret || !isTLS else { return }
        let lack = hasSecret ? "encryption (tls)" : "authentication (worker_replication_secret)"
        for case .tcp(let host, _) in addresses
        where host.isEmpty || host == "0.0.0.0" || host == "::" {
            section.warn(
                section.has("bind_addresses") ? "bind_addresses" : "bind_address",
                "replication has no \(lack) and is open to the whole network, "
                    + "expected an address such as 127.0.0.1")
        }
    }

    private func reportConflicts(_ listeners: [ListenerConfiguration], key: String) {
        var seen: [String: SourcePosition] = [:]
        for listener in listeners {
            for address in listener.addresses {
                if case .tcp(_, 0) = address { continue }
                if let former = seen["\(address)"] {
                    root.report.add(
                        .error, at: listener.position, key: key,
                        "\(address) is already used at \(former), expected another port or address")
                }
                seen["\(address)"] = listener.position
            }
        }
    }
}
