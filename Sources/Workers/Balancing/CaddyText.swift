/// The plan for Caddy 2, as a site of a Caddyfile.
struct CaddyText {
    private let plan: BalancerPlan
    private let options: Balancing.Options

    init(_ plan: BalancerPlan, _ options: Balancing.Options) {
        self.plan = plan
        self.options = options
    }

    var text: String {
        var lines = [
            "# Written by `beamline routes --format caddy`. A domain in place of the address gets HTTPS.",
            "\(site) {",
        ]
        for (index, rule) in plan.rules.enumerated() {
            if let initial = rule.initialGroup {
                lines.append(
                    "    # Syncs without `since` are long: they have processes of their own.")
                lines += route("initial_\(index)", rule, initial, isInitial: true)
            }
            lines += route("route_\(index)", rule, rule.group, isInitial: false)
        }
        lines += [
            "    @main path_regexp \(BalancerPlan.mainPaths)",
            "    handle @main {",
        ]
        lines += proxy(plan.main, policy: nil)
        lines += ["    }", "    handle {", "        respond 404", "    }", "}"]
        return lines.joined(separator: "\n") + "\n"
    }

    /// A port alone means all addresses.
    private var site: String {
        options.listen.contains(":") ? options.listen : ":\(options.listen)"
    }

    /// A hash is of one thing, so tokens in the header and in the query are told apart.
    private func route(
        _ name: String, _ rule: BalancerPlan.Rule, _ group: BalancerPlan.Group, isInitial: Bool
    ) -> [String] {
        let without = isInitial ? ["        not query since=*"] : []
        let ways: [(String, [String], String?)] =
            options.isSticky
            ? [
                ("\(name)_header", ["        header Authorization *"], "header Authorization"),
                (name, [], "query access_token"),
            ] : [(name, [], "random")]
        var lines: [String] = []
        for (name, conditions, policy) in ways {
            lines += ["    @\(name) {", "        path_regexp \(rule.path)"]
            lines += without + conditions
            lines += ["    }", "    handle @\(name) {"]
            lines += proxy(group, policy: policy)
            lines.append("    }")
        }
        return lines
    }

    private func proxy(_ group: BalancerPlan.Group, policy: String?) -> [String] {
        let places = group.servers.map { server in
            server.isUnixSocket
                ? "unix/\(server.place)" : group.isTLS ? "https://\(server.place)" : server.place
        }
        var lines = ["        reverse_proxy \(places.joined(separator: " ")) {"]
        if let policy { lines.append("            lb_policy \(policy)") }
        lines += ["            lb_try_duration 5s", "            health_uri /health"]
        if group.isTLS {
            lines += [
                "            transport http {", "                tls_insecure_skip_verify",
                "            }",
            ]
        }
        return lines + ["        }"]
    }
}
