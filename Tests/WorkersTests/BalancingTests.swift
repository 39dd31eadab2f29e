import Configuration
import JSON
import Testing

@testable import Workers

@Suite struct BalancingTests {
    private static let main = """
        server_name: example.org
        report_stats: false
        listeners:
          - {type: http, port: 8008, resources: [{names: [client]}]}
        database: {name: psycopg2}
        start_pushers: false

        """

    private static func worker(_ app: String, _ extra: String) -> String {
        """
        worker_app: synapse.app.\(app)
        worker_replication_host: 127.0.0.1
        worker_replication_port: 9092
        \(extra)

        """
    }

    private func listener(_ place: String, _ extra: String = "") -> String {
        "worker_listeners: [{type: http, \(place), resources: [{names: [client]}]\(extra)}]"
    }

    private func read(_ text: String?) throws -> BeamlineConfiguration {
        var texts: [(name: String, text: String)] = [("homeserver.yaml", Self.main)]
        if let text { texts.append(("worker.yaml", text)) }
        return try BeamlineConfiguration.load(
            texts: texts, options: LoadOptions(workingDirectory: "/srv", checksFiles: false))
    }

    private func plan(_ workers: [(String, String)]) throws -> BalancerPlan {
        try BalancerPlan(
            main: try read(nil), workers: try workers.map { ($0, try read($1)) }, host: "10.0.0.1")
    }

    private func plan() throws -> BalancerPlan {
        try plan([
            ("sync1", Self.worker("synchrotron", listener("port: 8083, bind_address: '::1'"))),
            ("sync2", Self.worker("synchrotron", listener("path: /run/sync2.sock"))),
            (
                "first",
                Self.worker(
                    "synchrotron", listener("port: 8085") + "\nworker_initial_syncs: true")
            ), ("pusher", Self.worker("pusher", "")),
        ])
    }

    private func text(_ format: Balancing.Format, sticky: Bool = true) throws -> String {
        var options = Balancing.Options(format: format, mainPaths: [], workerPaths: [])
        options.isSticky = sticky
        return Balancing.text(of: try plan(), options)
    }

    @Test func everyPathOfTheRoleIsPlannedFor() throws {
        let plan = try plan()
        let paths = plan.rules.map(\.path)
        #expect(paths.contains("^/_matrix/client/(r0|v3|unstable|v2_alpha)/sync$"))
        for word in ["simplified_msc3575", "/events", "initialSync"] {
            #expect(paths.contains { $0.contains(word) }, "\(word)")
        }
        #expect(Set(paths).count == paths.count)
        #expect(plan.groups.map(\.name) == ["synchrotron", "synchrotron_initial"])
        #expect(plan.idle == ["pusher"])
        #expect(plan.main.servers.map(\.place) == ["10.0.0.1:8008"])
        #expect(plan.groups[0].servers.map(\.place) == ["[::1]:8083", "/run/sync2.sock"])
    }

    @Test func factsAreJSON() throws {
        let json = try JSON(parsing: Array(try text(.json).utf8))
        let first = try #require(json["routes"]?[0])
        #expect(first["group"]?.stringValue == "synchrotron_initial")
        #expect(first["without_query"]?[0]?.stringValue == "since")
        #expect(first["methods"]?[0]?.stringValue == "GET")
        let servers = json["groups"]?["synchrotron"]?["servers"]
        #expect(servers?[0]?["address"]?.stringValue == "[::1]:8083")
        #expect(servers?[1]?["socket"]?.stringValue == "/run/sync2.sock")
        #expect(json["serve_nothing"]?[0]?.stringValue == "pusher")
        #expect(json["stick_to"]?[1]?.stringValue == "query access_token")
        #expect(json["routes"]?.arrayValue?.last?["group"]?.stringValue == "main")
    }

    @Test func caddyIsToldTheSame() throws {
        let text = try text(.caddy)
        #expect(text.hasPrefix("# Written by `beamline routes --format caddy`."))
        #expect(
            text.contains(
                """
                :8448 {
                    # Syncs without `since` are long: they have processes of their own.
                    @initial_0_header {
                        path_regexp ^/_matrix/client/(r0|v3|unstable|v2_alpha)/sync$
                        not query since=*
                        header Authorization *
                    }
                    handle @initial_0_header {
                        reverse_proxy 10.0.0.1:8085 {
                            lb_policy header Authorization
                            lb_try_duration 5s
                            health_uri /health
                        }
                    }
                    @initial_0 {
                        path_regexp ^/_matrix/client/(r0|v3|unstable|v2_alpha)/sync$
                        not query since=*
                    }
                    handle @initial_0 {
                        reverse_proxy 10.0.0.1:8085 {
                            lb_policy query access_token
                """), "\(text)")
        #expect(
            text.contains(
                """
                        reverse_proxy [::1]:8083 unix//run/sync2.sock {
                            lb_policy query access_token
                            lb_try_duration 5s
                            health_uri /health
                        }
                    }
                """), "\(text)")
        #expect(
            text.hasSuffix(
                """
                    @main path_regexp ^(/_matrix|/_synapse/client|/\\.well-known/matrix)(/|$)
                    handle @main {
                        reverse_proxy 10.0.0.1:8008 {
                            lb_try_duration 5s
                            health_uri /health
                        }
                    }
                    handle {
                        respond 404
                    }
                }

                """), "\(text)")
        // Braces are Caddy's only grammar.
        #expect(text.count { $0 == "{" } == text.count { $0 == "}" })
        #expect(try self.text(.caddy, sticky: false).contains("lb_policy random"))
    }

    @Test func usersMoveWhereNobodyKeepsThem() throws {
        #expect(try text(.nginx).contains("    hash $beamline_token consistent;\n"))
        let moving = try text(.nginx, sticky: false)
        #expect(moving.contains("    random;\n") && !moving.contains("hash $"))
        #expect(try text(.haproxy, sticky: false).contains("    balance random\n"))
    }

    @Test func encryptionMustBeTheSameEverywhere() throws {
        let certificate = "\ntls_certificate_path: /c\ntls_private_key_path: /k"
        let encrypted = Self.worker(
            "synchrotron", listener("port: 8083", ", tls: true") + certificate)
        let plan = try plan([("sync1", encrypted)])
        let options = Balancing.Options(format: .nginx, mainPaths: [], workerPaths: [])
        #expect(NginxText(plan, options).text.contains("proxy_pass https://beamline_synchrotron;"))
        #expect(HAProxyText(plan, options).text.contains("8083 check ssl verify none\n"))
        #expect(throws: BalancerPlanError.self) {
            try self.plan([
                ("sync1", encrypted),
                ("sync2", Self.worker("synchrotron", listener("port: 8084"))),
            ])
        }
    }
}
