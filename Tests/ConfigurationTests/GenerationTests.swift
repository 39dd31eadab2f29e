import Configuration
import Glibc
import TestSupport
import Testing
import YAML

private let hasPyYAML = system("python3 -c 'import yaml' 2>/dev/null") == 0

@Suite struct GenerationTests {
    private func fleet(in directory: String) -> FleetTemplate {
        var main = HomeserverTemplate(
            serverName: "example.org:8448", reportStats: false, directory: directory)
        main.database = DatabaseConfiguration(
            host: directory, port: 5433, user: "no", password: "a\"b\\c 'd: #é", database: "1e3",
            poolMin: 1, poolMax: 3, options: ["application_name": "x y"])
        main.bindAddresses = ["127.0.0.1"]
        main.hasOpenRegistration = true
        main.bcryptRounds = 4
        var fleet = FleetTemplate(main: main, replicationPort: 9092)
        fleet.add(.synchrotron, name: "synchrotron1", port: 8083)
        for (offset, role) in WorkerRole.workers.enumerated() {
            fleet.add(role, port: 8100 + UInt16(offset))
        }
        return fleet
    }

    @Test func generatedMainFileLoadsWithoutRemarks() throws {
        let folder = Folder()
        let template = HomeserverTemplate(
            serverName: "example.org", reportStats: true, directory: folder.path)
        for file in template.files(at: "\(folder.path)/homeserver.yaml", signingKey: "key") {
            #expect(try file.writeUnlessPresent())
        }
        let configuration = try BeamlineConfiguration.load(
            paths: ["\(folder.path)/homeserver.yaml"])
        #expect(configuration.diagnostics.isEmpty)
        #expect(configuration.server.name == "example.org" && configuration.server.reportStats)
        #expect(configuration.listeners.count == 1)
        #expect(configuration.duties == Duties())
        #expect(configuration.logging.files == ["\(folder.path)/homeserver.log"])
        #expect(configuration.server.macaroonSecretKey == template.macaroonSecretKey)
    }

    @Test func generatedFleetLoadsWithoutRemarks() throws {
        let folder = Folder()
        let directory = "\(folder.path)/a folder: #1"
        let fleet = fleet(in: directory)
        for file in fleet.files(signingKey: "key") { #expect(try file.writeUnlessPresent()) }
        let main = try BeamlineConfiguration.load(paths: [fleet.homeserverPath])
        #expect(main.diagnostics.isEmpty)
        #expect(main.database == fleet.main.database)
        #expect(main.registration.isOpen && main.registration.bcryptRounds == 4)
        #expect(main.listeners.map(\.kind) == [.http, .replication])
        for worker in fleet.workers {
            let configuration = try BeamlineConfiguration.load(
                paths: [fleet.homeserverPath, fleet.path(of: worker)])
            #expect(configuration.diagnostics.isEmpty)
            #expect(configuration.role == worker.role)
            #expect(
                configuration.listeners.map(\.addresses)
                    == [[.tcp(host: "127.0.0.1", port: worker.port)]])
            #expect(configuration.pidFile == worker.pidFile && configuration.daemonize)
            #expect(configuration.logging.files == ["\(directory)/\(worker.name).log"])
        }
        let names = fleet.workers.map(\.name)
        #expect(Set(names).count == 7 && names[0] == "synchrotron1")
    }

    @Test func workerFileHasTheFormOfTheDocument() {
        let template = WorkerTemplate(
            role: .synchrotron, port: 8083, pidFile: "/home/matrix/synchrotron.pid",
            logConfiguration: "/home/matrix/synchrotron_log_config.yaml")
        #expect(
            template.yaml == """
                worker_app: synapse.app.synchrotron

                # The replication listener of the main process to talk to.
                worker_replication_host: 127.0.0.1
                worker_replication_port: 9092

                worker_listeners:
                 - type: http
                   port: 8083
                   resources:
                     - names:
                       - client
                       - metrics

                worker_daemonize: True
                worker_pid_file: /home/matrix/synchrotron.pid
                worker_log_config: /home/matrix/synchrotron_log_config.yaml

                """)
    }

    @Test func presentFilesAreKept() throws {
        let folder = Folder()
        let path = "\(folder.path)/deep/er/key"
        #expect(try GeneratedFile(path: path, text: "one", isSecret: true).writeUnlessPresent())
        #expect(try !GeneratedFile(path: path, text: "two").writeUnlessPresent())
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(status.st_size == 3)
        #expect(throws: GeneratedFile.WriteError.self) {
            try GeneratedFile(path: "\(path)/x", text: "").writeUnlessPresent()
        }
    }

    @Test(.enabled(if: hasPyYAML, "needs Python with PyYAML"))
    func generatedFilesLoadInPython() throws {
        let folder = Folder()
        let fleet = fleet(in: "\(folder.path)/a folder: #1")
        for file in fleet.files(signingKey: "key") { try file.writeUnlessPresent() }
        folder.write(
            "check.py",
            """
            import glob, logging.config, sys, yaml
            folder = sys.argv[1]
            main = yaml.safe_load(open(folder + "/homeserver.yaml"))
            assert main["database"]["args"]["password"] == "a\\"b\\\\c 'd: #\\u00e9", main["database"]
            assert main["database"]["args"]["user"] == "no"
            assert main["database"]["args"]["database"] == "1e3"
            assert main["server_name"] == "example.org:8448" and main["report_stats"] is False
            workers = [yaml.safe_load(open(f)) for f in sorted(glob.glob(folder + "/workers/*.yaml"))]
            assert len(workers) == 7 and all(w["worker_daemonize"] is True for w in workers)
            for name in glob.glob(folder + "/*.log.config"):
                logging.config.dictConfig(yaml.safe_load(open(name)))
            """)
        #expect(system("python3 \(folder.path)/check.py '\(folder.path)/a folder: #1'") == 0)
    }
}
