PRAGMA application_id = 1296974932;
PRAGMA user_version = 3;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
    gseq INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, seq)
) STRICT;
INSERT INTO events VALUES(1,'system',1,1795939894362,'policy_activated','{"version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","before":null,"policy":{"sets":[[{"name":"starter.cedar","text":"// Mandate''s starter policy: what holds where nobody wrote another one.\n// The strictest rule that matches wins; what no rule matches is denied.\n\n@id(\"starter/reads\")\n@severity(\"info\")\n@message(\"`{tool}` only reads what this machine''s user controls\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && !resource.open_world };\n\n@id(\"starter/effects\")\n@decision(\"require_approval\")\n@message(\"`{tool}` has the effect `{effect}`\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect != \"read\" };\n\n@id(\"starter/open-reads\")\n@decision(\"require_approval\")\n@message(\"`{tool}` reads from places that other parties control\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && resource.open_world };\n\n@id(\"starter/sensitive-paths\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"`{tool}` touches something whose name says that it is sensitive\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/system-secrets\")\n@severity(\"critical\")\n@message(\"passwords and keys of this machine are not for plans\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"system_secret\") };\n\n@id(\"starter/delete-sensitive\")\n@severity(\"critical\")\n@message(\"`{tool}` would delete something whose name says that it is sensitive\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"delete\" && context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/untrusted-sinks\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides what `{tool}` does\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { !context.untrusted_sinks.isEmpty() };\n\n@id(\"starter/untrusted-control\")\n@severity(\"medium\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides whether `{tool}` is called\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.untrusted_control };\n\n@id(\"starter/read-then-send\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"something was read just before, and `{tool}` can send it away\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.sequences.contains(\"read_then_send\") };\n"},{"name":"policy.toml","text":"# What the starter set''s rules name.\n\n# Who may log in, and the keys with which they do. `sensitive_path` is wider, and needs no definition.\n[tags.system_secret]\napplies_to = [\"file\"]\nsensitive = true\npattern = ''(?i)^/etc/(g?shadow|g?passwd|master\\.passwd|sudoers)(-|\\.d|/|$)|^/etc/ssh/.*key|(^|/)\\.ssh/(id_|.*key|authorized_keys)|(^|/)\\.(aws|kube|docker|gnupg)(/|$)|^/proc/[^/]+/(environ|mem)$''\n\n# Something is read here and then something goes out, within three calls.\n[sequences.read_then_send]\npattern = [\"file_read\", \"network_request\"]\nwindow = 3\n"}]],"limits":{"calls_per_session":100,"calls_per_minute":null}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'd2699812a405566892f560a1e766d6778bbeb484e4a7939c8efd92ad56e74092');
INSERT INTO events VALUES(2,'01a2265c-04e0-74e8-b6f2-57738f07d89c',1,1795939894494,'execution_created','{"execution_id":"01a2265c-04e0-74e8-b6f2-57738f07d89c","plan_id":"01a2265c-04e0-74e8-b6f2-57746896b1cb","revision":1,"plan_hash":"7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"data.value":"bb4d1d42649c5df19ea6da2216428d554abd931d8c0ac4bab8b4fba3e990e295","shop.pay":"246fc05e3bd021d725a8bf376e892519ea11c13c923885913567ff4a416b1264"},"execution_digest":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","principal":"local:0","session":"cli-01a2265c-04c2-77e3-9ff9-eb50f813e531","approval_expires_ms":1796026294494,"seed":497997363076125,"behaviour":2,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`shop.pay` has the effect `network`","step":"pay","severity":"high","inputs":{"resource.effect":"network"}},{"rule":"starter/reads","outcome":"allow","message":"`data.value` only reads what this machine''s user controls","step":"read","severity":"info","inputs":{"resource.effect":"read","resource.open_world":false}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","tools":{"data.value":"bb4d1d42649c5df19ea6da2216428d554abd931d8c0ac4bab8b4fba3e990e295","shop.pay":"246fc05e3bd021d725a8bf376e892519ea11c13c923885913567ff4a416b1264"},"principal":"local:0","session_id":"cli-01a2265c-04c2-77e3-9ff9-eb50f813e531","at_ms":1795939894494,"inputs":{},"steps":[{"step":"pay","purpose":"run","tool":"shop.pay","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"},{"step":"read","purpose":"run","tool":"data.value","effect":"read","idempotent":true,"open_world":false,"category":"file_read","resources":[],"tags":[],"unknown_args":[],"risk":{"score":10,"level":"info","factors":["file_read: 10"],"mitigations":[]},"outcome":"allow"}],"risk":{"score":62,"level":"high","factors":["riskiest step `pay`: 60","further steps: 2"],"mitigations":["requires_approval"]},"approvers":["requester"]}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'5fae4fd82a033c0cdb99b0cde7538a79974da6c859924e52ff33b759cf285bc0');
INSERT INTO events VALUES(3,'01a2265c-04e0-74e8-b6f2-57738f07d89c',2,1795939894494,'request_opened','{"request_id":"req-d6d7e98f80cadd49","kind":"plan","subject":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796026294494}',X'5fae4fd82a033c0cdb99b0cde7538a79974da6c859924e52ff33b759cf285bc0',X'18edf390cb488932d6d809febde5bfc16af48cae7dcfcd220d680473bb47bd11');
INSERT INTO events VALUES(4,'01a2265c-04e0-74e8-b6f2-57738f07d89c',3,1795939894806,'request_answered','{"request_id":"req-d6d7e98f80cadd49","choice":"approve","by":"local:0","channel":"flag","answer_digest":"f57a2fd6e3687b9cde0d7eb2d824939087313b7d774eda304625ec4e6e37b493"}',X'18edf390cb488932d6d809febde5bfc16af48cae7dcfcd220d680473bb47bd11',X'1f331a31e97cb176ccdd0777e0b3ab4781a46f3154ce0018a66322f42735c8c8');
INSERT INTO events VALUES(5,'01a2265c-04e0-74e8-b6f2-57738f07d89c',4,1795939894807,'execution_started','{"approval":"req-d6d7e98f80cadd49 by local:0 over flag"}',X'1f331a31e97cb176ccdd0777e0b3ab4781a46f3154ce0018a66322f42735c8c8',X'40895e4e93cd80bbd22e0432e31334821095b449492049a77767e2c24b6d819f');
INSERT INTO events VALUES(6,'01a2265c-04e0-74e8-b6f2-57738f07d89c',5,1795939894807,'step_started','{"step":"pay","attempt":1,"tool":"shop.pay","facts":{"effect":"network","idempotent":false,"open_world":true},"args":{"amount":3},"args_digest":"2ec5297997ebe61efde7001886710e8e41669362dd7ade142fe10e648f157f3a","idempotency_key":"2f7a64946d8cc8604aac941a3b9d962da898a747fdf5dcbd1b37932bac3ec4f2","permit":"689be8a2f3d7b71257916d8380d71486d21d2eef2e3f5a561d4e8cafb33dfc35","granted_digest":"6386cf3032f630dabd61e411906c1598b43b3136ff4d5826185bae9c6688a2fc"}',X'40895e4e93cd80bbd22e0432e31334821095b449492049a77767e2c24b6d819f',X'a947219e86b7f876bb8d2909f2c5550189556be5d80c0e59ceb91ac10bf22d2d');
INSERT INTO events VALUES(7,'01a2265c-04e0-74e8-b6f2-57738f07d89c',6,1795939899619,'host_started','{"host":"01a2265c-18c1-7535-80fb-75636aea21db"}',X'a947219e86b7f876bb8d2909f2c5550189556be5d80c0e59ceb91ac10bf22d2d',X'd7d50a81a257f82cfb46be915a590250cf4bd3f1c27e05454a21b29db6f12b78');
INSERT INTO events VALUES(8,'01a2265c-04e0-74e8-b6f2-57738f07d89c',7,1795939899619,'attempt_interrupted','{"step":"pay","attempt":1}',X'd7d50a81a257f82cfb46be915a590250cf4bd3f1c27e05454a21b29db6f12b78',X'a0e4d3379002bd62b8281464c28140ff2262d3a7a5b74d90d7794c88b5df17fa');
INSERT INTO events VALUES(9,'01a2265c-04e0-74e8-b6f2-57738f07d89c',8,1795939899619,'step_in_doubt','{"step":"pay","attempt":1,"error":{"code":"IN_DOUBT","message":"the process that made the call ended before the answer came","step":"pay","severity":"error"}}',X'a0e4d3379002bd62b8281464c28140ff2262d3a7a5b74d90d7794c88b5df17fa',X'0bddf0859917e7b1e33d4bb2fb99a2d0fdf2ffcfd19415c840f03c454efd5905');
INSERT INTO events VALUES(10,'01a2265c-04e0-74e8-b6f2-57738f07d89c',9,1795939899619,'request_opened','{"request_id":"req-955a3cd2aa9fb8e3","kind":"in_doubt","step":"pay","question":"Step `pay` called `shop.pay`, and nobody knows whether it happened. Did it?","detail":{"tool":"shop.pay","args":{"amount":3},"attempt":1,"started_ms":1795939894807,"error":{"code":"IN_DOUBT","message":"the process that made the call ended before the answer came"}},"subject":"22a1490355810dcc2fc9f07f4e6b3a9283fb2c409aa86dc7fa3369772395c5ff","choices":["done","not_done","fail"],"answer_schema":{},"approvers":["requester"]}',X'0bddf0859917e7b1e33d4bb2fb99a2d0fdf2ffcfd19415c840f03c454efd5905',X'8bedc3fc8854e6ca85ab6bd98b48af99dac077683295547e03acdc13ffa7b5c7');
INSERT INTO events VALUES(11,'01a2265c-04e0-74e8-b6f2-57738f07d89c',10,1795939900170,'finding_recorded','{"finding":{"kind":"status_unknown","step":"pay","item":null,"attempt":1,"tool":"shop.pay","message":"its status look-up failed: the output of `shop.pay` is not JSON: expected ident at line 1 column 2"}}',X'8bedc3fc8854e6ca85ab6bd98b48af99dac077683295547e03acdc13ffa7b5c7',X'd7f5ec7f9ad409851ff6539ad571e3debf48020434c694e9f7bac45a3da2b170');
INSERT INTO events VALUES(12,'01a2265c-04e0-74e8-b6f2-57738f07d89c',11,1795939902906,'host_stopped','{"reason":"the host that drove it is gone"}',X'd7f5ec7f9ad409851ff6539ad571e3debf48020434c694e9f7bac45a3da2b170',X'1d70f5b84e64d7367e7670860034ddedafcfc1c6f43ab1a26869737d536a861f');
INSERT INTO events VALUES(13,'01a2265c-04e0-74e8-b6f2-57738f07d89c',12,1795939902906,'step_resolved','{"step":"pay","by":"local:0","resolution":{"how":"done","output":{}},"channel":"cli","answer_digest":"600affab505f8d5e7811f179e508dee0fd0f8583dec291dd28aebe60f1da0f49"}',X'1d70f5b84e64d7367e7670860034ddedafcfc1c6f43ab1a26869737d536a861f',X'f3fdc69ae814acee1c69b5abb07e5f174d65eee95b8d21ed18bbb78df6b24859');
INSERT INTO events VALUES(14,'01a2265c-04e0-74e8-b6f2-57738f07d89c',13,1795939905597,'host_started','{"host":"01a2265c-3025-71c0-be0f-f5d4b6980edf"}',X'f3fdc69ae814acee1c69b5abb07e5f174d65eee95b8d21ed18bbb78df6b24859',X'255d721d329c7805a8d859d2569e2fa941ad6bcd4d3bb5aed823f8f32d932ba6');
INSERT INTO events VALUES(15,'01a2265c-04e0-74e8-b6f2-57738f07d89c',14,1795939905597,'step_started','{"step":"read","attempt":1,"tool":"data.value","facts":{"effect":"read","idempotent":true,"open_world":false},"args":{"value":1},"args_digest":"0ecd62771b16c8bf32f4b6077f4451aacb5b971ce08a4a807f228b239389a750","idempotency_key":"f0a12c3e42d6f453c38bcf74973b3e6c1b3803c05fb82809d72de02cbaa2e790","permit":"eade97380b4aafd6bf13de871fce7446a2878a2e724d3b739337010399a402a8","granted_digest":"815151086473cf9b4a54b7570ebfb84bdad68a20271e3328de11a7d7aaffa97f"}',X'255d721d329c7805a8d859d2569e2fa941ad6bcd4d3bb5aed823f8f32d932ba6',X'3fbb7a350e48a7e3aea354bb1d2d41a959fe204fc8683ca958dc016c9d41df1e');
INSERT INTO events VALUES(16,'01a2265c-04e0-74e8-b6f2-57738f07d89c',15,1795939905940,'step_completed','{"step":"read","attempt":1,"output_digest":"965bc4e086caaadc125256a1e011164d2205e35c94dc371139558abf539642c4","output":1}',X'3fbb7a350e48a7e3aea354bb1d2d41a959fe204fc8683ca958dc016c9d41df1e',X'f40529c9f0d589b385b3cc4ed141641e34f1c31d584fe2997a9ebf64d2ccef1a');
INSERT INTO events VALUES(17,'01a2265c-04e0-74e8-b6f2-57738f07d89c',16,1795939905940,'execution_finished','{"status":"success","error":null,"outputs":{"pay":{},"read":1}}',X'f40529c9f0d589b385b3cc4ed141641e34f1c31d584fe2997a9ebf64d2ccef1a',X'6f69d2b6138e06522b45a7f71ac5e5b917010c50097d342496f0fedb6424bce5');
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    first_gseq INTEGER NOT NULL,
    last_gseq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO commits VALUES(1,1,1,1795939894362,X'0000000000000000000000000000000000000000000000000000000000000000',X'0146f254d3c7e732e540bd9b679d0b905318ac4c6afd75f076ce49a7ed79ee14',X'e2eecb4c63eff0411f3860093977940372d68059cdeef1bf351f0528cf8f604c');
INSERT INTO commits VALUES(2,2,3,1795939894494,X'0146f254d3c7e732e540bd9b679d0b905318ac4c6afd75f076ce49a7ed79ee14',X'beca1ab35c4ea030630848a1e9f4f5e0ae6ef957710d712a7a9ada73449f8a0f',X'bd31a30018e4f83eea7520e6d6f54832b61bf8f1a17de2af8a1effeff34ae725');
INSERT INTO commits VALUES(3,4,6,1795939894807,X'beca1ab35c4ea030630848a1e9f4f5e0ae6ef957710d712a7a9ada73449f8a0f',X'8b7069807d97ed6828cbd0b7ebaba052be501e6bb3f32bb0d101e5dd42ac4858',X'80f3ba3a3d2e9af15bc93bcdb955c363088623b40978477926de0d7ffdeea328');
INSERT INTO commits VALUES(4,7,10,1795939899619,X'8b7069807d97ed6828cbd0b7ebaba052be501e6bb3f32bb0d101e5dd42ac4858',X'a3835edd976a3939064ea1b7cf1fb7bc0b3b1a8907b028d93f79ce9670c572c6',X'596e6c1915947f3bf6fe617248945c116bdd7ca505acce169fe7323f8e3d4169');
INSERT INTO commits VALUES(5,11,11,1795939900170,X'a3835edd976a3939064ea1b7cf1fb7bc0b3b1a8907b028d93f79ce9670c572c6',X'13d04b12922b518dc493ce52e156c24112bfacb46a48d9b0811ba5f2cf138f7f',X'e78981a3aa80d2f2c0ba31f97c4917b7b17af11a6018971eac5ae2b59842e383');
INSERT INTO commits VALUES(6,12,13,1795939902906,X'13d04b12922b518dc493ce52e156c24112bfacb46a48d9b0811ba5f2cf138f7f',X'2cb4d9db4de6ef09dc0ffdd8bc9a65816422a077a861bab4c10ba13fb81fc140',X'c5c038f28de218c157ef503d4a387974706b478376316ec00882b29af7006c27');
INSERT INTO commits VALUES(7,14,17,1795939905940,X'2cb4d9db4de6ef09dc0ffdd8bc9a65816422a077a861bab4c10ba13fb81fc140',X'08b569d5164b7eb8a4841477aa309957ed985ee3c8db39f42d1df07d9d525f71',X'851dc02e971667dff662ff9a60effa011dcb855b10f0611dd2e2c3a1cdb022a0');
CREATE TABLE plans (
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    canonical TEXT NOT NULL
) STRICT;
INSERT INTO plans VALUES(X'7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f','Crash',1795939894494,2,X'fa84e4641b7ba865d5792c715bc0fe56b71ccfc89117bddcbd8677ba14af2e5e','{"name":"Crash","steps":[{"args":{"amount":3},"id":"pay","tool":"shop.pay"},{"args":{"value":1},"id":"read","tool":"data.value"}],"version":1}');
CREATE TABLE blobs (
    hash BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO lease VALUES(1,4,17767,6,X'2cb4d9db4de6ef09dc0ffdd8bc9a65816422a077a861bab4c10ba13fb81fc140',X'124d5e62e0d39d72a6c868deffaf8683f6342bca93046c8f2b40ac55aa38b593');
CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY,
    plan_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    plan_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    state TEXT NOT NULL,
    status TEXT,
    error_code TEXT,
    waiting_for TEXT,
    priority INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    last_seq INTEGER NOT NULL,
    steps_total INTEGER NOT NULL,
    steps_settled INTEGER NOT NULL,
    tools TEXT NOT NULL,
    waiting_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN json_valid(waiting_for) THEN json_extract(waiting_for, '$.kind') END
    ) VIRTUAL
, parent TEXT) STRICT, WITHOUT ROWID;
INSERT INTO executions VALUES('01a2265c-04e0-74e8-b6f2-57738f07d89c','01a2265c-04e0-74e8-b6f2-57746896b1cb',1,X'7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f','Crash','local:0','cli-01a2265c-04c2-77e3-9ff9-eb50f813e531','completed','success',NULL,NULL,0,1795939894494,1795939905940,1795939905940,16,2,2,' data.value shop.pay ',NULL);
CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    state TEXT NOT NULL,
    subject BLOB NOT NULL,
    detail TEXT NOT NULL,
    answer TEXT,
    opened_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    closed_at_ms INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO requests VALUES('req-955a3cd2aa9fb8e3','01a2265c-04e0-74e8-b6f2-57738f07d89c','in_doubt','pay','answered',X'22a1490355810dcc2fc9f07f4e6b3a9283fb2c409aa86dc7fa3369772395c5ff','{"approvers":["requester"],"answer_schema":{},"choices":["done","not_done","fail"],"question":"Step `pay` called `shop.pay`, and nobody knows whether it happened. Did it?","detail":{"tool":"shop.pay","args":{"amount":3},"attempt":1,"started_ms":1795939894807,"error":{"code":"IN_DOUBT","message":"the process that made the call ended before the answer came"}},"plan":"Crash"}','{"choice":"done","by":"local:0","channel":"cli","data":{}}',1795939899619,NULL,1795939902906);
INSERT INTO requests VALUES('req-d6d7e98f80cadd49','01a2265c-04e0-74e8-b6f2-57738f07d89c','plan',NULL,'answered',X'dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c','{"plan":"Crash","plan_hash":"7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`shop.pay` has the effect `network`","step":"pay","severity":"high","inputs":{"resource.effect":"network"}},{"rule":"starter/reads","outcome":"allow","message":"`data.value` only reads what this machine''s user controls","step":"read","severity":"info","inputs":{"resource.effect":"read","resource.open_world":false}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","tools":{"data.value":"bb4d1d42649c5df19ea6da2216428d554abd931d8c0ac4bab8b4fba3e990e295","shop.pay":"246fc05e3bd021d725a8bf376e892519ea11c13c923885913567ff4a416b1264"},"principal":"local:0","session_id":"cli-01a2265c-04c2-77e3-9ff9-eb50f813e531","at_ms":1795939894494,"inputs":{},"steps":[{"step":"pay","purpose":"run","tool":"shop.pay","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"},{"step":"read","purpose":"run","tool":"data.value","effect":"read","idempotent":true,"open_world":false,"category":"file_read","resources":[],"tags":[],"unknown_args":[],"risk":{"score":10,"level":"info","factors":["file_read: 10"],"mitigations":[]},"outcome":"allow"}],"risk":{"score":62,"level":"high","factors":["riskiest step `pay`: 60","further steps: 2"],"mitigations":["requires_approval"]},"approvers":["requester"]}}','{"choice":"approve","by":"local:0","channel":"flag"}',1795939894494,1796026294494,1795939894806);
CREATE TABLE calls (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO calls VALUES('01a2265c-04e0-74e8-b6f2-57738f07d89c',5,'cli-01a2265c-04c2-77e3-9ff9-eb50f813e531',1795939894807,'network_request');
CREATE INDEX plans_by_commit ON plans (commit_number, hash);
CREATE INDEX blobs_by_commit ON blobs (commit_number, hash);
CREATE INDEX executions_by_created ON executions (created_at_ms);
CREATE INDEX executions_by_updated ON executions (updated_at_ms);
CREATE INDEX executions_by_state ON executions (state, created_at_ms);
CREATE INDEX executions_by_status ON executions (status, created_at_ms);
CREATE INDEX executions_by_principal ON executions (principal, created_at_ms);
CREATE INDEX executions_by_session ON executions (session, created_at_ms);
CREATE INDEX executions_by_plan ON executions (plan_hash, created_at_ms);
CREATE INDEX executions_waiting ON executions (waiting_kind, created_at_ms)
    WHERE waiting_kind IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (priority DESC, created_at_ms)
    WHERE finished_at_ms IS NULL;
CREATE INDEX requests_by_opened ON requests (opened_at_ms);
CREATE INDEX requests_by_state ON requests (state, opened_at_ms);
CREATE INDEX requests_by_kind ON requests (kind, opened_at_ms);
CREATE INDEX requests_by_execution ON requests (execution_id, opened_at_ms);
CREATE INDEX requests_expiring ON requests (expires_at_ms) WHERE state = 'open';
CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';
CREATE INDEX calls_by_session ON calls (session, at_ms);
COMMIT;
