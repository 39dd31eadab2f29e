import ArgumentParser
import Workers

/// `beamline demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a fleet for a while, let users talk through it, and show how it does.")

    @Option(help: "The fleet's folder; a temporary one, which is removed, if not given.")
    var directory: String?

    @Option(help: "How long the users talk; 0 is until Ctrl-C.")
    var seconds = 0

    @Option(help: "How many users there are.")
    var users = 20

    @Option(help: "How many messages they send a second, all together.")
    var rate = 20

    @Option(help: "How many synchrotrons there are.")
    var synchrotrons = 2

    func validate() throws {
        guard seconds >= 0 else { throw ValidationError("--seconds takes no negative number.") }
        guard (2...5000).contains(users) else {
            throw ValidationError("--users takes a number from 2 to 5000.")
        }
        guard (1...1000).contains(rate) else {
            throw ValidationError("--rate takes a number from 1 to 1000.")
        }
        guard (1...64).contains(synchrotrons) else {
            throw ValidationError("--synchrotrons takes a number from 1 to 64.")
        }
    }

    func run() throws {
        var options = Demo.Options()
        options.directory = directory
        options.seconds = seconds
        options.users = users
        options.messagesPerSecond = rate
        options.synchrotrons = synchrotrons
        throw ExitCode(Demo.run(options))
    }
}
