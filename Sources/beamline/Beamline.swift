import ArgumentParser
import Workers

/// The server: runs a process of any role, or a whole fleet.
@main
struct Beamline: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "beamline",
        abstract: "A Matrix homeserver that scales by workers.",
        subcommands: [
            Run.self, Up.self, DemoCommand.self, ReplicationCommands.self, RoutesCommand.self,
        ],
        defaultSubcommand: Run.self)
}
