/// The plan for HAProxy, from 2.6 on (`balance hash`).
struct HAProxyText {
    private let plan: BalancerPlan
    private let options: Balancing.Options

    init(_ plan: BalancerPlan, _ options: Balancing.Options) {
        self.plan = plan
        self.options = options
    }

    var text: String {
        var lines = [
            "# Written by `beamline routes --format haproxy`.",
            "frontend beamline",
            "    mode http",
            "    # For HTTPS: `bind … ssl crt FILE`.",
            "    bind \(bind)",
            "    # A long poll waits for 300 seconds at most.",
            "    timeout client 310s",
            "    timeout http-keep-alive 60s",
            "    # Listeners of the fleet believe it with `x_forwarded: true`.",
            "    http-request set-header X-Forwarded-For %[src]",
            "    # A user's access token, from the header or the query.",
            "    http-request set-var(txn.token) req.hdr(authorization),lower,field(2,' ') "
                + "if { req.hdr(authorization) -m found }",
            "    http-request set-var(txn.token) url_param(access_token),lower "
                + "unless { var(txn.token) -m found }",
        ]
        for (index, rule) in plan.rules.enumerated() {
            lines.append("    acl beamline_route_\(index) path_reg \(rule.path)")
        }
        lines.append("    acl beamline_main path_reg \(BalancerPlan.mainPaths)")
        let routes = plan.rules.indices.map { "!beamline_route_\($0)" }.joined(separator: " ")
        lines.append("    http-request deny deny_status 404 if !beamline_main \(routes)")
        for (index, rule) in plan.rules.enumerated() {
            if let initial = rule.initialGroup {
                lines += [
                    "    # Syncs without `since` are long: they have processes of their own.",
                    "    use_backend beamline_\(initial.name) if beamline_route_\(index) "
                        + "!{ url_param(since) -m found }",
                ]
            }
            lines.append("    use_backend beamline_\(rule.group.name) if beamline_route_\(index)")
        }
        lines.append("    default_backend beamline_main")
        for group in [plan.main] + plan.groups { lines += backend(group) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A port alone means all addresses.
    private var bind: String {
        options.listen.contains(":") ? options.listen : ":\(options.listen)"
    }

    private func backend(_ group: BalancerPlan.Group) -> [String] {
        var lines = ["", "backend beamline_\(group.name)", "    mode http"]
        if group.name != plan.main.name {
            lines +=
                options.isSticky
                ? ["    balance hash var(txn.token)", "    hash-type consistent"]
                : ["    balance random"]
        }
        lines += [
            "    option httpchk GET /health",
            "    option redispatch",
            "    timeout connect 5s",
            "    timeout server 310s",
        ]
        for server in group.servers {
            let place = server.isUnixSocket ? "unix@\(server.place)" : server.place
            let tls = group.isTLS ? " ssl verify none" : ""
            lines.append("    server \(server.name) \(place) check\(tls)")
        }
        return lines
    }
}
