// Hummingbird's HTTP server with one route, on one event loop's thread:
//
//     HummingbirdPeer PORT

import Hummingbird
import Logging
import NIOCore
import NIOPosix

// One thread for everything: tasks then need not change threads between Swift's pool and the event loop.
NIOSingletons.groupLoopCountSuggestion = 1
NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
let router = Router()
router.get("/") { _, _ in "Hello, World!" }
var application = Application(
    router: router,
    configuration: .init(
        address: .hostname(
            "127.0.0.1", port: Int(CommandLine.arguments.dropFirst().first ?? "") ?? 0)),
    eventLoopGroupProvider: .singleton)
application.logger.logLevel = .error
try await application.runService()
