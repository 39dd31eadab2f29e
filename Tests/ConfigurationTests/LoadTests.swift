import Configuration
import Testing
import YAML

@Suite struct LoadTests {
    @Test func mainFileIsReadAsWritten() throws {
        let configuration = try load(mainSample)
        #expect(configuration.isMain && configuration.instanceName == "main")
        #expect(configuration.server.name == "example.org")
        #expect(!configuration.server.reportStats)
        #expect(configuration.server.signingKeyPath == "/srv/beamline/example.org.signing.key")
        #expect(configuration.pidFile == "/run/beamline/homeserver.pid")
        #expect(configuration.replicationServer == nil)
        #expect(configuration.diagnostics.isEmpty)
        #expect(!configuration.duties.startsPushers && configuration.duties.sendsFederation)
    }

    @Test func listenersAreReadAsWritten() throws {
        let listeners = try load(mainSample).listeners
        #expect(listeners.map(\.kind) == [.http, .replication])
        #expect(
            listeners[0].addresses
                == [.tcp(host: "::1", port: 8008), .tcp(host: "127.0.0.1", port: 8008)])
        #expect(listeners[0].isBehindProxy && listeners[0].tag == "front")
        #expect(listeners[0].resourceNames == [.client, .federation])
        #expect(listeners[1].addresses.map(\.description) == ["127.0.0.1:9092"])
        #expect(listeners[1].tag == "9092")
        #expect(listeners[1].position.line == 13)
    }

    @Test func databaseArgumentsAreReadAsWritten() throws {
        #expect(
            try load(mainSample).database
                == DatabaseConfiguration(
                    host: "/run/postgresql", user: "synapse", password: "12345",
                    database: "synapse", poolMin: 2, poolMax: 7,
                    options: ["sslmode": "disable"]))
    }

    @Test func statementsHaveATimeLimit() throws {
        #expect(try load(mainSample).database.statementTimeout == .seconds(60))
        let other = mainSample.replacing(
            "  name: psycopg2\n", with: "  name: psycopg2\n  statement_timeout: 30s\n")
        #expect(try load(other).database.statementTimeout == .seconds(30))
    }

    @Test func workerFileOfTheDocumentLiesOverTheMainOne() throws {
        let configuration = try load(mainSample, workerSample)
        #expect(configuration.role == .synchrotron)
        #expect(configuration.instanceName == "synapse.app.synchrotron")
        #expect(
            configuration.replicationServer
                == ReplicationServerConfiguration(host: "127.0.0.1", port: 9092))
        #expect(configuration.listeners.map(\.addresses) == [[.tcp(host: "", port: 8083)]])
        #expect(configuration.listeners[0].resourceNames == [.client])
        #expect(configuration.daemonize)
        #expect(configuration.pidFile == "/home/matrix/synapse/synchrotron.pid")
        #expect(
            configuration.logging
                == .configuration(
                    path: "/home/matrix/synapse/config/synchrotron_log_config.yaml"))
        #expect(configuration.server.name == "example.org")
        #expect(configuration.diagnostics.isEmpty)
    }

    @Test(arguments: WorkerRole.allCases)
    func everyRoleHasBothNames(role: WorkerRole) {
        #expect(WorkerRole(appName: role.appName) == role)
        #expect(WorkerRole(appName: "beamline.app.\(role.rawValue)") == role)
        #expect(WorkerRole(appName: "synapse.\(role.rawValue)") == nil)
    }

    @Test func laterFileReplacesWholeTopLevelKeys() throws {
        let overlay = """
            worker_app: synapse.app.homeserver
            listeners: [{type: metrics, port: 9000, bind_address: 127.0.0.1}]
            presence: {enabled: false}
            """
        let configuration = try load(mainSample + "presence: {enabled: true}\n", overlay)
        #expect(configuration.isMain)
        #expect(configuration.listeners.map(\.kind) == [.metrics])
        #expect(configuration.listeners[0].resourceNames == [.metrics])
        #expect(!configuration.isPresenceEnabled)
    }

    @Test func ourOwnKeysAreRead() throws {
        let configuration = try load(
            mainSample + """
                event_loop: {backend: io_uring}
                http_limits:
                  max_header_size: 16K
                  max_header_count: 50
                  max_request_body_size: 2M
                  idle_timeout: 5m
                replication_limits: {max_line_size: 64K, ping_interval: 500, idle_timeout: 2s}
                soft_file_limit: 4096
                """)
        #expect(configuration.eventLoopBackend == .ioUring)
        #expect(configuration.httpLimits.headerBytesMax == 16384)
        #expect(configuration.httpLimits.headerCountMax == 50)
        #expect(configuration.httpLimits.bodyBytesMax == 2 << 20)
        #expect(configuration.httpLimits.idleTimeout == .seconds(300))
        #expect(configuration.replicationLimits.lineBytesMax == 65536)
        #expect(configuration.replicationLimits.pingInterval == .milliseconds(500))
        #expect(configuration.softFileLimit == 4096)
    }

    @Test func otherKeysAreRead() throws {
        let configuration = try load(
            mainSample + """
                signing_key_path: keys/a.key
                macaroon_secret_key: 123
                registration_shared_secret: "s"
                enable_registration: yes
                enable_registration_without_verification: yes
                bcrypt_rounds: 4
                password_config: {pepper: p, enabled: true}
                media_store_path: ./media
                enable_metrics: true
                public_baseurl: https://m.example.org
                default_room_version: 9
                app_service_config_files: [as/one.yaml]
                log_file: /var/log/b.log
                """)
        #expect(configuration.server.signingKeyPath == "/srv/beamline/keys/a.key")
        #expect(configuration.server.macaroonSecretKey == "123")
        #expect(configuration.server.publicBaseURL == "https://m.example.org/")
        #expect(configuration.server.defaultRoomVersion == "9")
        #expect(configuration.server.appServiceFiles == ["/srv/beamline/as/one.yaml"])
        #expect(
            configuration.registration
                == RegistrationConfiguration(
                    isOpen: true, sharedSecret: "s", bcryptRounds: 4, passwordPepper: "p"))
        #expect(configuration.mediaStorePath == "/srv/beamline/media")
        #expect(configuration.enableMetrics)
        #expect(configuration.logging == .file(path: "/var/log/b.log"))
    }

    @Test func unixSocketsAreListenedOn() throws {
        let configuration = try load(
            mainSample, "listeners: [{type: http, path: run/b.sock, mode: '0o660', resources: []}]")
        #expect(
            configuration.listeners.map(\.addresses)
                == [[.unix(path: "/srv/beamline/run/b.sock", mode: 0o660)]])
    }
}
