import Foundation
import Testing

/// What the articles show is compiled and tested somewhere, or it would rot.
@Suite("Articles")
struct ArticleTests {
    @Test("code in the articles stands in the examples or their tests", arguments: Self.blocks)
    func compiled(block: Block) {
        #expect(
            Self.sources.contains { $0.contains(block.code) },
            "\(block.article):\(block.line): this code is in no example and no test")
    }

    @Test("there are articles with code")
    func some() { #expect(Self.blocks.count > 10) }

    struct Block: Sendable, CustomTestStringConvertible {
        let article: String
        let line: Int
        let code: String
        var testDescription: String { "\(article):\(line)" }
    }

    /// Swift in the articles of the reactor, without its indentation.
    private static let blocks: [Block] = Tree.articles.flatMap { article in
        var blocks: [Block] = []
        var open: (line: Int, lines: [String])?
        for (index, line) in article.lines.enumerated() {
            if line == "```swift" {
                open = (index + 1, [])
            } else if line == "```", let (start, lines) = open {
                blocks.append(Block(article: article.path, line: start, code: flattened(lines)))
                open = nil
            } else {
                open?.lines.append(line)
            }
        }
        return blocks
    }

    private static let sources = (Tree.sources + Tree.tests)
        .filter { $0.path.hasPrefix("Sources/Examples/") || $0.path.hasPrefix("Tests/") }
        .map { flattened($0.lines) }

    private static func flattened(_ lines: [String]) -> String {
        lines.map { String($0.trimmed) }.joined(separator: "\n")
    }
}
