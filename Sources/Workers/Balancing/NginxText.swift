/// The plan for nginx, from 1.15.1 on (`random`).
struct NginxText {
    private let plan: BalancerPlan
    private let options: Balancing.Options

    init(_ plan: BalancerPlan, _ options: Balancing.Options) {
        self.plan = plan
        self.options = options
    }

    var text: String {
        var lines = [
            "# Written by `beamline routes --format nginx`. It belongs into the http block of nginx.conf.",
            "",
            "# A user's access token, from the header or the query.",
            "map $http_authorization $beamline_token {",
            "    default $arg_access_token;",
            #"    "~*^bearer +(?<beamline_bearer>[^ ]+)$" $beamline_bearer;"#,
            "}",
        ]
        for group in [plan.main] + plan.groups { lines += upstream(group) }
        for (index, rule) in plan.rules.enumerated() {
            guard let initial = rule.initialGroup else { continue }
            lines += [
                "# Syncs without `since` are long: they have processes of their own.",
                "map $arg_since $beamline_route_\(index) {",
                "    \"\" beamline_\(initial.name);",
                "    default beamline_\(rule.group.name);",
                "}",
            ]
        }
        lines += server
        return lines.joined(separator: "\n") + "\n"
    }

    private func upstream(_ group: BalancerPlan.Group) -> [String] {
        var lines = ["upstream beamline_\(group.name) {"]
        if group.name != plan.main.name {
            lines.append(options.isSticky ? "    hash $beamline_token consistent;" : "    random;")
        }
        for server in group.servers {
            let place = server.isUnixSocket ? "unix:\(server.place)" : server.place
            lines.append("    server \(place);  # \(server.name)")
        }
        return lines + ["    keepalive 32;", "}"]
    }

    private var server: [String] {
        var lines = [
            "server {",
            "    # For HTTPS: `listen … ssl`, ssl_certificate and ssl_certificate_key.",
            "    listen \(options.listen);",
            "    client_max_body_size 50M;",
            "    proxy_http_version 1.1;",
            "    proxy_set_header Connection \"\";",
            "    proxy_set_header Host $http_host;",
            "    # Listeners of the fleet believe it with `x_forwarded: true`.",
            "    proxy_set_header X-Forwarded-For $remote_addr;",
            "    proxy_set_header X-Forwarded-Proto $scheme;",
            "    # A long poll waits for 300 seconds at most.",
            "    proxy_read_timeout 310s;",
        ]
        for (index, rule) in plan.rules.enumerated() {
            let target =
                rule.initialGroup == nil
                ? "beamline_\(rule.group.name)" : "$beamline_route_\(index)"
            let scheme = rule.group.isTLS ? "https" : "http"
            lines.append("    location ~ \"\(rule.path)\" { proxy_pass \(scheme)://\(target); }")
        }
        let scheme = plan.main.isTLS ? "https" : "http"
        return lines + [
            "    location ~ \"\(BalancerPlan.mainPaths)\" { proxy_pass \(scheme)://beamline_main; }",
            "    location / { return 404; }",
            "}",
        ]
    }
}
