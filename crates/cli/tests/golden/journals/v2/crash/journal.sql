PRAGMA application_id = 1296974932;
PRAGMA user_version = 5;
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
INSERT INTO events VALUES(1,'system',1,1796058221572,'signing_key_created','{"public_key":"08a77973bfc4ee282087d7785f158e4be0054b3bca8e1aa3325210195362693a","before":null}',X'0000000000000000000000000000000000000000000000000000000000000000',X'2f0f50ebe9f505b107f2fa64bbe9531ac584a793ff0c7b34b4457f8a4c2d4236');
INSERT INTO events VALUES(2,'system',2,1796058221572,'policy_activated','{"version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","before":null,"policy":{"sets":[[{"name":"starter.cedar","text":"// Mandate''s starter policy: what holds where nobody wrote another one.\n// The strictest rule that matches wins; what no rule matches is denied.\n\n@id(\"starter/reads\")\n@severity(\"info\")\n@message(\"`{tool}` only reads what this machine''s user controls\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && !resource.open_world };\n\n@id(\"starter/effects\")\n@decision(\"require_approval\")\n@message(\"`{tool}` has the effect `{effect}`\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect != \"read\" };\n\n@id(\"starter/open-reads\")\n@decision(\"require_approval\")\n@message(\"`{tool}` reads from places that other parties control\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && resource.open_world };\n\n@id(\"starter/sensitive-paths\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"`{tool}` touches something whose name says that it is sensitive\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/system-secrets\")\n@severity(\"critical\")\n@message(\"passwords and keys of this machine are not for plans\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"system_secret\") };\n\n@id(\"starter/delete-sensitive\")\n@severity(\"critical\")\n@message(\"`{tool}` would delete something whose name says that it is sensitive\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"delete\" && context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/untrusted-sinks\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides what `{tool}` does\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { !context.untrusted_sinks.isEmpty() };\n\n@id(\"starter/untrusted-control\")\n@severity(\"medium\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides whether `{tool}` is called\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.untrusted_control };\n\n@id(\"starter/read-then-send\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"something was read just before, and `{tool}` can send it away\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.sequences.contains(\"read_then_send\") };\n"},{"name":"policy.toml","text":"# What the starter set''s rules name.\n\n# Who may log in, and the keys with which they do. `sensitive_path` is wider, and needs no definition.\n[tags.system_secret]\napplies_to = [\"file\"]\nsensitive = true\npattern = ''(?i)^/etc/(g?shadow|g?passwd|master\\.passwd|sudoers)(-|\\.d|/|$)|^/etc/ssh/.*key|(^|/)\\.ssh/(id_|.*key|authorized_keys)|(^|/)\\.(aws|kube|docker|gnupg)(/|$)|^/proc/[^/]+/(environ|mem)$''\n\n# Something is read here and then something goes out, within three calls.\n[sequences.read_then_send]\npattern = [\"file_read\", \"network_request\"]\nwindow = 3\n"}]],"limits":{"calls_per_session":100,"calls_per_minute":null}}}',X'2f0f50ebe9f505b107f2fa64bbe9531ac584a793ff0c7b34b4457f8a4c2d4236',X'1f1471e9d21dc40998548b30a8a7627563ec69987783ab03e0ca8c8ce764bd47');
INSERT INTO events VALUES(3,'01a22d69-8c5a-7104-bda3-741a9a482cbc',1,1796058221657,'execution_created','{"execution_id":"01a22d69-8c5a-7104-bda3-741a9a482cbc","plan_id":"01a22d69-8c5a-7104-bda3-741b3178839a","revision":1,"plan_hash":"7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"data.value":"bb4d1d42649c5df19ea6da2216428d554abd931d8c0ac4bab8b4fba3e990e295","shop.pay":"246fc05e3bd021d725a8bf376e892519ea11c13c923885913567ff4a416b1264"},"execution_digest":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","principal":"local:0","session":"cli-01a22d69-8c45-7174-9261-59963037b8d1","approval_expires_ms":1796144621657,"seed":8862050171952573,"behaviour":3,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`shop.pay` has the effect `network`","step":"pay","severity":"high","inputs":{"resource.effect":"network"}},{"rule":"starter/reads","outcome":"allow","message":"`data.value` only reads what this machine''s user controls","step":"read","severity":"info","inputs":{"resource.effect":"read","resource.open_world":false}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","tools":{"data.value":"bb4d1d42649c5df19ea6da2216428d554abd931d8c0ac4bab8b4fba3e990e295","shop.pay":"246fc05e3bd021d725a8bf376e892519ea11c13c923885913567ff4a416b1264"},"principal":"local:0","session_id":"cli-01a22d69-8c45-7174-9261-59963037b8d1","at_ms":1796058221657,"inputs":{},"steps":[{"step":"pay","purpose":"run","tool":"shop.pay","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"},{"step":"read","purpose":"run","tool":"data.value","effect":"read","idempotent":true,"open_world":false,"category":"file_read","resources":[],"tags":[],"unknown_args":[],"risk":{"score":10,"level":"info","factors":["file_read: 10"],"mitigations":[]},"outcome":"allow"}],"risk":{"score":62,"level":"high","factors":["riskiest step `pay`: 60","further steps: 2"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":1,"limit":100,"counted":0,"reserved":0}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'58c581d791685cdd576207e7daf1cd12682a47c7dfd69a5084257c40e8d774f2');
INSERT INTO events VALUES(4,'01a22d69-8c5a-7104-bda3-741a9a482cbc',2,1796058221657,'request_opened','{"request_id":"req-998d1888d211e56e","kind":"plan","subject":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796144621657}',X'58c581d791685cdd576207e7daf1cd12682a47c7dfd69a5084257c40e8d774f2',X'81131ac9c51757d4f018eaf01a100ba961301fad05f7bfec59200a1a92b0f93a');
INSERT INTO events VALUES(5,'01a22d69-8c5a-7104-bda3-741a9a482cbc',3,1796058221852,'request_answered','{"request_id":"req-998d1888d211e56e","choice":"approve","by":"local:0","channel":"flag","answer_digest":"32c823c0840371888392c410c56c0bce597a25e2cdab4802aa941369e860093a"}',X'81131ac9c51757d4f018eaf01a100ba961301fad05f7bfec59200a1a92b0f93a',X'1e32cc26981f7d4d465cf2fc95a7dc53e713de8f5fbc84d411d8409d230bf5b6');
INSERT INTO events VALUES(6,'01a22d69-8c5a-7104-bda3-741a9a482cbc',4,1796058221853,'execution_started','{"approval":"req-998d1888d211e56e by local:0 over flag","reserved":1}',X'1e32cc26981f7d4d465cf2fc95a7dc53e713de8f5fbc84d411d8409d230bf5b6',X'5d374469ead66e78a4c23dadd771e3aa386742b51b686dd90df2be6b299d4fdd');
INSERT INTO events VALUES(7,'01a22d69-8c5a-7104-bda3-741a9a482cbc',5,1796058221853,'step_started','{"step":"pay","attempt":1,"tool":"shop.pay","facts":{"effect":"network","idempotent":false,"open_world":true},"args":{"amount":3},"args_digest":"2ec5297997ebe61efde7001886710e8e41669362dd7ade142fe10e648f157f3a","idempotency_key":"792ad16ccd311de867c95c2a11c73503ddb15618733f712d12eea18f6ea62086","permit":"49624c9245921e0c94677fe222492fa6e35cfbee5c95d7394f04b7b4d1591001","granted_digest":"d6512beb9404fa287b64c67da515128576ac7d7abf12fdec8c248fb05460be14","sandbox":"none"}',X'5d374469ead66e78a4c23dadd771e3aa386742b51b686dd90df2be6b299d4fdd',X'e608a96cd6c58e4c6a9a533443a04b3a853cc19ca704648e8752f3e6c10c2980');
INSERT INTO events VALUES(8,'01a22d69-8c5a-7104-bda3-741a9a482cbc',6,1796058225175,'host_started','{"host":"01a22d69-99cc-7689-b771-01aeebca767f"}',X'e608a96cd6c58e4c6a9a533443a04b3a853cc19ca704648e8752f3e6c10c2980',X'aacc72aad5b27087fe3ea77b49ddf428a24fe8eea8bd7c286fc47a718f1b40da');
INSERT INTO events VALUES(9,'01a22d69-8c5a-7104-bda3-741a9a482cbc',7,1796058225175,'attempt_interrupted','{"step":"pay","attempt":1}',X'aacc72aad5b27087fe3ea77b49ddf428a24fe8eea8bd7c286fc47a718f1b40da',X'6b42977c81cc2308f50c4427e71d86200944ad3c694e68cdc6e7b2796a5b342d');
INSERT INTO events VALUES(10,'01a22d69-8c5a-7104-bda3-741a9a482cbc',8,1796058225175,'step_in_doubt','{"step":"pay","attempt":1,"error":{"code":"IN_DOUBT","message":"the process that made the call ended before the answer came","step":"pay","severity":"error"}}',X'6b42977c81cc2308f50c4427e71d86200944ad3c694e68cdc6e7b2796a5b342d',X'9ca28dca44a1a4be3919c509f62be7f64a57e2bac607fef5a6c94bd152974f0d');
INSERT INTO events VALUES(11,'01a22d69-8c5a-7104-bda3-741a9a482cbc',9,1796058225175,'request_opened','{"request_id":"req-ff9ed01dd25db670","kind":"in_doubt","step":"pay","question":"Step `pay` called `shop.pay`, and nobody knows whether it happened. Did it?","detail":{"tool":"shop.pay","args":{"amount":3},"attempt":1,"started_ms":1796058221853,"error":{"code":"IN_DOUBT","message":"the process that made the call ended before the answer came"}},"subject":"b93314f5572017994fb310af0f9e9b5cde50716966a7a775606f0e7e6dbe44d5","choices":["done","not_done","fail"],"answer_schema":{},"approvers":["requester"]}',X'9ca28dca44a1a4be3919c509f62be7f64a57e2bac607fef5a6c94bd152974f0d',X'fe037db14d2171b36da21a4a8474022db70ff1d40a6b0ec8d9a39785e6b9cd3e');
INSERT INTO events VALUES(12,'01a22d69-8c5a-7104-bda3-741a9a482cbc',10,1796058225828,'finding_recorded','{"finding":{"kind":"status_unknown","step":"pay","item":null,"attempt":1,"tool":"shop.pay","message":"its status look-up failed: the output of `shop.pay` is not JSON: expected ident at line 1 column 2"}}',X'fe037db14d2171b36da21a4a8474022db70ff1d40a6b0ec8d9a39785e6b9cd3e',X'944680f2e0585466d069943c34edae7ebf9ee782b8688467c32d6354424aceb1');
INSERT INTO events VALUES(13,'01a22d69-8c5a-7104-bda3-741a9a482cbc',11,1796058227817,'host_stopped','{"reason":"the host that drove it is gone"}',X'944680f2e0585466d069943c34edae7ebf9ee782b8688467c32d6354424aceb1',X'a08279634c1e8d559277357d6c763f156811315c67516adb71d9293eeee26801');
INSERT INTO events VALUES(14,'01a22d69-8c5a-7104-bda3-741a9a482cbc',12,1796058227817,'step_resolved','{"step":"pay","by":"local:0","resolution":{"how":"done","output":{}},"channel":"cli","answer_digest":"600affab505f8d5e7811f179e508dee0fd0f8583dec291dd28aebe60f1da0f49"}',X'a08279634c1e8d559277357d6c763f156811315c67516adb71d9293eeee26801',X'5e1e26b6218c0a0f678ba9a13e1740cdd3e11fd5fc91a822db88e56f8493a522');
INSERT INTO events VALUES(15,'01a22d69-8c5a-7104-bda3-741a9a482cbc',13,1796058231529,'host_started','{"host":"01a22d69-b263-7507-ba1a-59fbe0a0d908"}',X'5e1e26b6218c0a0f678ba9a13e1740cdd3e11fd5fc91a822db88e56f8493a522',X'2fd6c7adf12c0952a656c40cfd873beec1227710f6411bf4491be160aa0e67f2');
INSERT INTO events VALUES(16,'01a22d69-8c5a-7104-bda3-741a9a482cbc',14,1796058231529,'step_started','{"step":"read","attempt":1,"tool":"data.value","facts":{"effect":"read","idempotent":true,"open_world":false},"args":{"value":1},"args_digest":"0ecd62771b16c8bf32f4b6077f4451aacb5b971ce08a4a807f228b239389a750","idempotency_key":"61a2d364e2d9f61f09cb9c1e79f5ed1f4824553e792b91564414b9dac984247f","permit":"4de12c095333cb3efd322e05cc88a69161cee8ceb20cb829fe906315491a1987","granted_digest":"cd6ba8ac07237f4496cd51615825f0568574e326c7b86aef6354dac3872187ce"}',X'2fd6c7adf12c0952a656c40cfd873beec1227710f6411bf4491be160aa0e67f2',X'0872c500f02f02a242a1e6152aec32d6e2529d7b389f28d2b9ed0c96e2b93faa');
INSERT INTO events VALUES(17,'01a22d69-8c5a-7104-bda3-741a9a482cbc',15,1796058231620,'step_completed','{"step":"read","attempt":1,"output_digest":"965bc4e086caaadc125256a1e011164d2205e35c94dc371139558abf539642c4","output":1}',X'0872c500f02f02a242a1e6152aec32d6e2529d7b389f28d2b9ed0c96e2b93faa',X'e35f316b637e179d854a45e91f890651ccdfa2ca52c5596396587582d184fa13');
INSERT INTO events VALUES(18,'01a22d69-8c5a-7104-bda3-741a9a482cbc',16,1796058231620,'execution_finished','{"status":"success","error":null,"outputs":{"pay":{},"read":1}}',X'e35f316b637e179d854a45e91f890651ccdfa2ca52c5596396587582d184fa13',X'92f4e5537cc169d96b20a574ae7ae17b5a9f540322e6a97f0f71f6b330e94f8c');
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    first_gseq INTEGER NOT NULL,
    last_gseq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO commits VALUES(1,1,2,1796058221572,X'0000000000000000000000000000000000000000000000000000000000000000',X'55201f185b6c19cff84ca7bfb1f7ad7d94214f81ff051f10fc6f59f0a0b418f1',X'eca981fbac643679c6c38a47595bf2d56d3f7e34781d5946d4b2f0f5ad2760ce');
INSERT INTO commits VALUES(2,3,4,1796058221657,X'55201f185b6c19cff84ca7bfb1f7ad7d94214f81ff051f10fc6f59f0a0b418f1',X'7e348e52b7bfee802681818bf7bbb0804d6a7fdb782e0c24aa7cf561d2c3dab2',X'f0a349535b4ab7a10f335772ad70df9757c6e85e7a3d264ac8182ba6eb98c242');
INSERT INTO commits VALUES(3,5,7,1796058221853,X'7e348e52b7bfee802681818bf7bbb0804d6a7fdb782e0c24aa7cf561d2c3dab2',X'6b640bf1c7309c59a7bd8bd31deb9652f4be0e12ba6bc0cfd9664bc69d111967',X'e8ba929c7cf3a75fb5033c2caef722459dcb27c0b7a4ea94fbe2fd2d450d7aff');
INSERT INTO commits VALUES(4,8,11,1796058225175,X'6b640bf1c7309c59a7bd8bd31deb9652f4be0e12ba6bc0cfd9664bc69d111967',X'f19182042de46b95621fd524183c0446374c308862b724b14861693febb73fa0',X'b0ebfe8d7740b26ae3c5a0b233d53975e361c6fe378dd8d4732e603729d8772a');
INSERT INTO commits VALUES(5,12,12,1796058225828,X'f19182042de46b95621fd524183c0446374c308862b724b14861693febb73fa0',X'1602ad5f377a48941c674aee48939ed8e685fb2803ebb17da56b4319e3c2473d',X'bb36cb316bdea9e4409fd078fc3c7a6a2367aa6b1b1a35850ab2342808e148bc');
INSERT INTO commits VALUES(6,13,14,1796058227817,X'1602ad5f377a48941c674aee48939ed8e685fb2803ebb17da56b4319e3c2473d',X'47efd3f6616441b6b0265d931e8eaed6a30a95f532ce0ce8cc1c6afece268394',X'd5dbd83794d33418c6fd318dda995ad974cdb247075de77fcb4ea1a49cd99382');
INSERT INTO commits VALUES(7,15,16,1796058231529,X'47efd3f6616441b6b0265d931e8eaed6a30a95f532ce0ce8cc1c6afece268394',X'5491d73dac7b482abcc2c3564d5ae333bdd890f82b137c28335dd2eeda1d1136',X'f89a260d85e1bbe82d673caea6a0b78061436059d5de6a797851a1625126dc72');
INSERT INTO commits VALUES(8,17,18,1796058231620,X'5491d73dac7b482abcc2c3564d5ae333bdd890f82b137c28335dd2eeda1d1136',X'1fc244463b8ccaafdb84c7f750b2ba3cd1c639caa27f8a9f352a87ec88ed23e1',X'b3644b2100d1d162d4907d7f7eed6ec1704d77e758f8b10c784e52c43050cdb3');
CREATE TABLE plans (
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    canonical TEXT NOT NULL
) STRICT;
INSERT INTO plans VALUES(X'7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f','Crash',1796058221657,2,X'1e389ec7288be288d58a99b90d46091b066da37ad492de1cb19e13c8f683bae7','{"name":"Crash","steps":[{"args":{"amount":3},"id":"pay","tool":"shop.pay"},{"args":{"value":1},"id":"read","tool":"data.value"}],"version":1}');
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
INSERT INTO lease VALUES(1,4,32489,6,X'47efd3f6616441b6b0265d931e8eaed6a30a95f532ce0ce8cc1c6afece268394',X'5656995a80de4471d4ef2483bd794589a315603cd8358321bac1f34d4d9d23c9');
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
INSERT INTO executions VALUES('01a22d69-8c5a-7104-bda3-741a9a482cbc','01a22d69-8c5a-7104-bda3-741b3178839a',1,X'7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f','Crash','local:0','cli-01a22d69-8c45-7174-9261-59963037b8d1','completed','success',NULL,NULL,0,1796058221657,1796058231620,1796058231620,16,2,2,' data.value shop.pay ',NULL);
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
, approved TEXT) STRICT, WITHOUT ROWID;
INSERT INTO requests VALUES('req-998d1888d211e56e','01a22d69-8c5a-7104-bda3-741a9a482cbc','plan',NULL,'answered',X'dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c','{"plan":"Crash","plan_hash":"7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`shop.pay` has the effect `network`","step":"pay","severity":"high","inputs":{"resource.effect":"network"}},{"rule":"starter/reads","outcome":"allow","message":"`data.value` only reads what this machine''s user controls","step":"read","severity":"info","inputs":{"resource.effect":"read","resource.open_world":false}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"dabd162ba9dbd17e6efa645773329c532b855ad7b0a24931d4fb17178d698f7c","tools":{"data.value":"bb4d1d42649c5df19ea6da2216428d554abd931d8c0ac4bab8b4fba3e990e295","shop.pay":"246fc05e3bd021d725a8bf376e892519ea11c13c923885913567ff4a416b1264"},"principal":"local:0","session_id":"cli-01a22d69-8c45-7174-9261-59963037b8d1","at_ms":1796058221657,"inputs":{},"steps":[{"step":"pay","purpose":"run","tool":"shop.pay","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"},{"step":"read","purpose":"run","tool":"data.value","effect":"read","idempotent":true,"open_world":false,"category":"file_read","resources":[],"tags":[],"unknown_args":[],"risk":{"score":10,"level":"info","factors":["file_read: 10"],"mitigations":[]},"outcome":"allow"}],"risk":{"score":62,"level":"high","factors":["riskiest step `pay`: 60","further steps: 2"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":1,"limit":100,"counted":0,"reserved":0}}}','{"choice":"approve","by":"local:0","channel":"flag"}',1796058221657,1796144621657,1796058221852,'Crash');
INSERT INTO requests VALUES('req-ff9ed01dd25db670','01a22d69-8c5a-7104-bda3-741a9a482cbc','in_doubt','pay','answered',X'b93314f5572017994fb310af0f9e9b5cde50716966a7a775606f0e7e6dbe44d5','{"approvers":["requester"],"answer_schema":{},"choices":["done","not_done","fail"],"question":"Step `pay` called `shop.pay`, and nobody knows whether it happened. Did it?","detail":{"tool":"shop.pay","args":{"amount":3},"attempt":1,"started_ms":1796058221853,"error":{"code":"IN_DOUBT","message":"the process that made the call ended before the answer came"}},"plan":"Crash"}','{"choice":"done","by":"local:0","channel":"cli","data":{}}',1796058225175,NULL,1796058227817,NULL);
CREATE TABLE calls (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO calls VALUES('01a22d69-8c5a-7104-bda3-741a9a482cbc',5,'cli-01a22d69-8c45-7174-9261-59963037b8d1',1796058221853,'network_request');
CREATE TABLE content_uses (
    hash BLOB NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (hash, stream)
) STRICT, WITHOUT ROWID;
INSERT INTO content_uses VALUES(X'7f29a873a442fd3bbb5c14408c1b89ec01474e37296fd839a960a41216b6e33f','01a22d69-8c5a-7104-bda3-741a9a482cbc');
CREATE TABLE archived (
    execution_id TEXT PRIMARY KEY,
    tombstone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE removed_rows (
    gseq INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL
) STRICT;
CREATE TABLE removed_contents (
    commit_number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    row_hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL,
    PRIMARY KEY (commit_number, kind, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    session TEXT NOT NULL,
    principal TEXT NOT NULL,
    executions INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (session, principal)
) STRICT, WITHOUT ROWID;
INSERT INTO sessions VALUES('cli-01a22d69-8c45-7174-9261-59963037b8d1','local:0',1,1796058221657,1796058231620);
CREATE INDEX plans_by_commit ON plans (commit_number, hash);
CREATE INDEX blobs_by_commit ON blobs (commit_number, hash);
CREATE INDEX executions_by_created ON executions (created_at_ms);
CREATE INDEX executions_by_state ON executions (state, created_at_ms);
CREATE INDEX executions_by_principal ON executions (principal, created_at_ms);
CREATE INDEX executions_by_session ON executions (session, created_at_ms);
CREATE INDEX executions_waiting ON executions (waiting_kind, created_at_ms)
    WHERE waiting_kind IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (priority DESC, created_at_ms)
    WHERE finished_at_ms IS NULL;
CREATE INDEX requests_by_opened ON requests (opened_at_ms);
CREATE INDEX requests_by_kind ON requests (kind, opened_at_ms);
CREATE INDEX requests_by_execution ON requests (execution_id, opened_at_ms);
CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';
CREATE INDEX calls_by_session ON calls (session, at_ms);
CREATE INDEX executions_by_status ON executions (status, created_at_ms) WHERE status IS NOT NULL;
CREATE INDEX executions_by_tools ON executions (tools, created_at_ms);
CREATE INDEX executions_by_parent ON executions (parent) WHERE parent IS NOT NULL;
CREATE INDEX requests_open ON requests (kind, opened_at_ms) WHERE state = 'open';
CREATE INDEX requests_approved ON requests (approved, closed_at_ms) WHERE approved IS NOT NULL;
CREATE INDEX sessions_by_last ON sessions (last_ms);
CREATE INDEX executions_open ON executions (session, principal) WHERE finished_at_ms IS NULL;
COMMIT;
