import ArgumentParser
import Workers

/// `beamline up --directory D`
struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a whole fleet with a PostgreSQL of its own in one folder, until Ctrl-C.")

    @Option(
        help: "The folder of everything; made if need be, used again if there is a fleet in it.")
    var directory: String

    @Option(help: "The server's name; counts only the first time.")
    var serverName = "localhost"

    @Option(help: "How many synchrotrons; counts only the first time.")
    var synchrotrons = 2

    func validate() throws {
        guard (1...64).contains(synchrotrons) else {
            throw ValidationError("--synchrotrons takes a number from 1 to 64.")
        }
    }

    func run() throws {
        throw ExitCode(
            FleetUp.run(directory: directory, serverName: serverName, synchrotrons: synchrotrons))
    }
}
